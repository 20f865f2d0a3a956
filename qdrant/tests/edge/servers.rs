//! Servers: Qdrant's engine in this process, or the one of `QDRANT_URL`.

use std::sync::atomic::{AtomicU32, Ordering};

use fathom_qdrant_tests::Server;
use qdrant_client::Qdrant;

/// A collection that is deleted in the end: the server may be the user's own.
pub struct Scratch {
    pub address: String,
    pub name: String,
}

impl Scratch {
    pub fn new(address: &str) -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Scratch {
            address: address.to_owned(),
            name: format!("fathom-test-{}-{number}", std::process::id()),
        }
    }

    pub fn url(&self) -> String {
        format!("{}/{}", self.address, self.name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for name in [self.name.clone(), format!("{}-docs", self.name)] {
            // It may not have been made, or the server be gone.
            let _ = at(&self.address, async |client| {
                client.delete_collection(name).await
            });
        }
    }
}

/// Asks a server beside fathom.
pub fn at<T>(address: &str, ask: impl AsyncFnOnce(Qdrant) -> T) -> T {
    let url = address
        .replace("qdrant://", "http://")
        .replace("qdrants://", "https://");
    let client = Qdrant::from_url(&url)
        .api_key(key())
        .skip_compatibility_check();
    let client = client.build().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(ask(client))
}

/// `qdrant://host:port`, and what has to live as long.
pub fn server() -> (String, Option<Server>) {
    match std::env::var("QDRANT_URL") {
        Ok(address) => (address, None),
        Err(_) => {
            let server = Server::start();
            (server.address.clone(), Some(server))
        }
    }
}

/// A server of the user's may want one.
pub fn key() -> Option<String> {
    std::env::var("QDRANT_API_KEY").ok()
}
