//! A desk where only the newest order counts: a newer one replaces an older one that waits, and
//! tells the one at hand to give up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where orders are put.
pub struct Desk<T> {
    slot: Mutex<Slot<T>>,
    called: Condvar,
}

struct Slot<T> {
    order: Option<T>,
    /// Gives up the order at hand.
    cancel: Arc<AtomicBool>,
}

impl<T> Default for Desk<T> {
    fn default() -> Desk<T> {
        let slot = Slot {
            order: None,
            cancel: Arc::default(),
        };
        Desk {
            slot: Mutex::new(slot),
            called: Condvar::new(),
        }
    }
}

impl<T> Desk<T> {
    /// Puts an order in the place of all others.
    pub fn put(&self, order: T) {
        self.replace(Some(order));
    }

    /// Takes all orders back.
    pub fn clear(&self) {
        self.replace(None);
    }

    fn replace(&self, order: Option<T>) {
        let mut slot = self.lock();
        slot.order = order;
        slot.cancel.store(true, Ordering::SeqCst);
        self.called.notify_all();
    }

    /// Serves orders for ever. Each waits until none has come for `quiet`.
    pub fn serve(&self, quiet: Duration, work: impl Fn(T, &AtomicBool)) {
        loop {
            let (order, cancel) = self.take(quiet);
            work(order, &cancel);
        }
    }

    fn take(&self, quiet: Duration) -> (T, Arc<AtomicBool>) {
        let mut slot = self.lock();
        loop {
            if slot.order.is_none() {
                slot = self
                    .called
                    .wait(slot)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = self.called.wait_timeout(slot, quiet);
            let (after, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            slot = after;
            if waited.timed_out()
                && let Some(order) = slot.order.take()
            {
                slot.cancel = Arc::default();
                return (order, slot.cancel.clone());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn only_the_newest_order_is_served() {
        let desk = Arc::new(Desk::default());
        let (begun, begins) = channel();
        let (ended, ends) = channel();
        let at_work = desk.clone();
        std::thread::spawn(move || {
            at_work.serve(Duration::from_millis(50), |order: u32, cancel| {
                begun.send(order).unwrap();
                while !cancel.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                ended.send(order).unwrap();
            });
        });
        let patience = Duration::from_secs(20);
        for order in 1..=3 {
            desk.put(order);
        }
        assert_eq!(begins.recv_timeout(patience), Ok(3));
        desk.put(4);
        assert_eq!(ends.recv_timeout(patience), Ok(3));
        assert_eq!(begins.recv_timeout(patience), Ok(4));
        desk.clear();
        assert_eq!(ends.recv_timeout(patience), Ok(4));
        assert!(begins.recv_timeout(Duration::from_millis(200)).is_err());
    }
}
