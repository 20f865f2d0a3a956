//! The terminal: taken over, given back whatever happens, and lent to other programs meanwhile.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, queue};
use ratatui::layout::Size;
use ratatui::{Frame, Terminal};

/// Whether the terminal is taken over now; what gives it back does so once.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Why there is no interface here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTerminal {
    /// Nobody can type.
    #[error("stdin is no terminal")]
    In,
    /// Nobody can see it.
    #[error("stdout is no terminal")]
    Out,
    /// It cannot move its cursor.
    #[error("a terminal with TERM=dumb cannot show it")]
    Dumb,
}

/// Whether an interface can be shown here.
///
/// # Errors
/// If it cannot.
pub fn check() -> Result<(), NoTerminal> {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match (io::stdin().is_terminal(), io::stdout().is_terminal()) {
        (false, _) => Err(NoTerminal::In),
        (_, false) => Err(NoTerminal::Out),
        _ if is_dumb => Err(NoTerminal::Dumb),
        _ => Ok(()),
    }
}

/// The terminal, as long as it is ours.
pub struct Screen {
    terminal: Drawn,
}

/// What is drawn, and what was drawn before.
type Drawn = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

impl Screen {
    /// Takes the terminal over. It is given back when this is dropped, also by a panic of this
    /// thread; `on_panic` hears of those of others, which leave the terminal alone.
    ///
    /// # Errors
    /// If the terminal does not do what it is told.
    pub fn enter(on_panic: impl Fn(String) + Send + Sync + 'static) -> io::Result<Screen> {
        give_back_on_panic(on_panic);
        take()?;
        let terminal = terminal().inspect_err(|_| give_back())?;
        Ok(Screen { terminal })
    }

    /// Draws.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame)) -> io::Result<()> {
        self.terminal.draw(draw)?;
        Ok(())
    }

    /// Columns and rows.
    ///
    /// # Errors
    /// If the terminal does not tell.
    pub fn size(&self) -> io::Result<Size> {
        self.terminal.size()
    }

    /// Has everything drawn anew.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn clear(&mut self) -> io::Result<()> {
        // Its own way of clearing asks where the cursor is, which a terminal may not answer.
        execute!(io::stdout(), Clear(ClearType::All))?;
        self.terminal = terminal()?;
        Ok(())
    }

    /// Lends the terminal, as it was before, to something else.
    ///
    /// # Errors
    /// If the terminal cannot be taken back.
    pub fn lend<T>(&mut self, to: impl FnOnce() -> T) -> io::Result<T> {
        give_back();
        let result = to();
        take()?;
        self.clear()?;
        Ok(result)
    }

    /// Puts text into the clipboard, by asking the terminal to.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn copy(&mut self, text: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "\x1b]52;c;{}\x07", STANDARD.encode(text))?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn terminal() -> io::Result<Drawn> {
    Terminal::new(CrosstermBackend::new(BufWriter::new(io::stdout())))
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    execute!(out, EnterAlternateScreen, EnableBracketedPaste).inspect_err(|_| give_back())
}

/// The terminal as it was; a terminal that is gone needs nothing.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let _ = queue!(out, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = out.flush();
    let _ = disable_raw_mode();
}

/// A message of a panic would be lost on the screen that is given up, so the screen comes first.
fn give_back_on_panic(on_panic: impl Fn(String) + Send + Sync + 'static) {
    let (ours, before) = (thread::current().id(), panic::take_hook());
    panic::set_hook(Box::new(move |panicked| {
        if thread::current().id() == ours {
            give_back();
        } else if TAKEN.load(Ordering::SeqCst) {
            on_panic(format!("a fault of fathom: {panicked}; please report it"));
            return;
        }
        before(panicked);
    }));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use pty_process::blocking::{Command, open};
    use rustix::termios::tcgetattr;
    use std::io::Read;

    #[test]
    #[ignore = "runs in a terminal of its own, started by the next test"]
    fn a_panic_in_a_terminal() {
        let _screen = Screen::enter(|_| ()).unwrap();
        panic!("told on the screen that remains");
    }

    #[test]
    fn a_panic_gives_the_terminal_back() {
        let (mut pty, pts) = open().unwrap();
        let before = tcgetattr(&pty).unwrap();
        let name = "ui::screen::tests::a_panic_in_a_terminal";
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", name])
            .spawn(pts);
        let mut child = child.unwrap();
        let (mut output, mut bytes) = (Vec::new(), [0; 4096]);
        // The end of a terminal is an error.
        while let Ok(read @ 1..) = pty.read(&mut bytes) {
            output.extend_from_slice(&bytes[..read]);
        }
        assert!(!child.wait().unwrap().success());
        let output = String::from_utf8_lossy(&output);
        let place = |text: &str| output.find(text).unwrap();
        let (taken, given_back) = (place("\x1b[?1049h"), place("\x1b[?1049l"));
        let told = place("told on the screen that remains");
        assert!(taken < given_back && given_back < told, "{output}");
        let after = tcgetattr(&pty).unwrap();
        assert_eq!(after.local_modes, before.local_modes);
    }
}
