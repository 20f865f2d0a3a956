//! `fathom ui` in a pseudo-terminal: keys go in, and what a terminal would show comes out.

use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::unix::fs::PermissionsExt;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, Termios, tcgetattr};

use crate::asking::indexed;
use crate::common::{SMALL, Sandbox, check};
use crate::server::{Server, Then};

/// How long something may take to be shown.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with the program in it.
struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
    /// Everything that came, as it came.
    output: Arc<Mutex<Vec<u8>>>,
    before: Termios,
}

impl Terminal {
    fn new(sandbox: &Sandbox, args: &[&str], variables: &[(&str, &str)]) -> Terminal {
        Terminal::sized((100, 24), sandbox, args, variables)
    }

    fn sized(
        (columns, rows): (u16, u16),
        sandbox: &Sandbox,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> Terminal {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let before = tcgetattr(&pty).unwrap();
        let mut command = sandbox.command(&[&["ui"], args].concat());
        command.env("TERM", "xterm-256color");
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.envs(variables.iter().copied());
        let child = in_terminal(command).spawn(pts).unwrap();
        let sizes = (NonZeroU16::new(rows), NonZeroU16::new(columns));
        let parser = vt100::Parser::new(sizes.0.unwrap(), sizes.1.unwrap(), 0);
        let terminal = Terminal {
            pty: Arc::new(pty),
            child,
            screen: Arc::new(Mutex::new(parser)),
            output: Arc::default(),
            before,
        };
        terminal.read();
        terminal
    }

    /// Reads what comes until nothing comes any more.
    fn read(&self) {
        let (pty, screen) = (self.pty.clone(), self.screen.clone());
        let output = self.output.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = (&*pty).read(&mut bytes) {
                screen.lock().unwrap().process(&bytes[..read]);
                output.lock().unwrap().extend_from_slice(&bytes[..read]);
            }
        });
    }

    fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn raw(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap()).into_owned()
    }

    /// Waits until something is so.
    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(&Terminal) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            let text = self.text();
            assert!(began.elapsed() < PATIENCE, "no {what} in\n{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until a text is shown.
    #[track_caller]
    fn shows(&self, text: &str) {
        self.until(text, |terminal| terminal.text().contains(text));
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id() as i32).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end: the exit code is this one, and the terminal is as it was.
    #[track_caller]
    fn ends(mut self, code: i32) -> String {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "no end of\n{}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(code), "{}", self.text());
        let leaves = "\u{1b}[?1049l";
        self.until("other screen", |terminal| terminal.raw().contains(leaves));
        let after = tcgetattr(&self.pty).unwrap();
        assert_eq!(after.local_modes, self.before.local_modes);
        assert_eq!(after.input_modes, self.before.input_modes);
        assert_eq!(after.output_modes, self.before.output_modes);
        let screen = self.screen.lock().unwrap();
        let screen = screen.screen();
        assert!(!screen.alternate_screen() && !screen.bracketed_paste() && !screen.hide_cursor());
        screen.contents()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command with nothing of its own for its streams: they are the terminal.
fn in_terminal(command: std::process::Command) -> Command {
    command.into()
}

/// An editor that writes down what it is given and how its terminal is.
fn editor(sandbox: &Sandbox, name: &str, and: &str) -> String {
    let path = sandbox.path("home").join(name);
    let (home, path_text) = (sandbox.path("home"), path.to_str().unwrap().to_owned());
    let home = home.display();
    let script = format!(
        "#!/bin/sh\nstty -a > '{home}/modes'\n{and}\nprintf '%s\\n' \"$@\" > '{home}/args.new'\n\
         mv '{home}/args.new' '{home}/args'\n"
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path_text
}

#[test]
fn a_query_is_typed_read_explained_and_opened() {
    let sandbox = Sandbox::new(SMALL);
    let editor = editor(&sandbox, "vim", "");
    let terminal = Terminal::new(&sandbox, &[], &[("EDITOR", &editor)]);
    terminal.shows("ask a question");
    let modes = tcgetattr(&terminal.pty).unwrap().local_modes;
    assert!(!modes.intersects(LocalModes::ICANON | LocalModes::ECHO));
    terminal.press("who takes the writer lock");
    terminal.shows("src/lock.rs:");
    terminal.shows("pub fn acquire_lock");
    terminal.shows("3 files");
    terminal.press("\u{13}");
    terminal.shows("lexical +");
    terminal.press("\u{19}");
    terminal.shows("copied src/lock.rs:");
    // Base64 of `src/lock.rs:4`.
    assert!(
        terminal
            .raw()
            .contains("\u{1b}]52;c;c3JjL2xvY2sucnM6NA==\u{7}")
    );
    terminal.press("\u{5}");
    terminal.shows("function acquire_lock");
    terminal.shows("no reader model");
    terminal.press("\r");
    let home = sandbox.path("home");
    terminal.until("arguments", |_| home.join("args").exists());
    let file = sandbox.tree().canonicalize().unwrap().join("src/lock.rs");
    let args = fs::read_to_string(home.join("args")).unwrap();
    assert!(
        args.starts_with('+') && args.ends_with(&format!("\n{}\n", file.display())),
        "{args}"
    );
    let modes = fs::read_to_string(home.join("modes")).unwrap();
    assert!(
        modes.contains(" icanon") && modes.contains(" echo "),
        "{modes}"
    );
    terminal.until("raw mode", |terminal| {
        let modes = tcgetattr(&terminal.pty).unwrap().local_modes;
        !modes.contains(LocalModes::ICANON) && terminal.text().contains("src/lock.rs:")
    });
    terminal.press("\u{3}");
    terminal.ends(0);
}

#[test]
fn signals_give_the_terminal_back() {
    let sandbox = indexed(SMALL);
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let terminal = Terminal::new(&sandbox, &["--query", "lock"], &[]);
        terminal.shows("src/lock.rs:");
        terminal.signal(signal);
        let text = terminal.ends(130);
        assert_eq!(text.trim(), "interrupted; what was indexed is kept");
    }
}

#[test]
fn a_ctrl_c_for_the_editor_is_not_for_the_interface() {
    let sandbox = indexed(SMALL);
    let editor = editor(&sandbox, "hx", "kill -INT $PPID");
    let terminal = Terminal::new(&sandbox, &["--query", "lock"], &[("VISUAL", &editor)]);
    terminal.shows("src/lock.rs:");
    terminal.press("\r");
    let args = sandbox.path("home").join("args");
    terminal.until("arguments", |_| args.exists());
    let args = fs::read_to_string(args).unwrap();
    assert!(args.contains("/src/lock.rs:"), "{args}");
    terminal.shows("src/lock.rs:");
    terminal.press("\t");
    terminal.press("q");
    terminal.ends(0);
}

#[test]
fn an_editor_that_there_is_not_is_said() {
    let sandbox = indexed(SMALL);
    let variables = [("EDITOR", "/nowhere/vim")];
    let terminal = Terminal::new(&sandbox, &["--query", "lock"], &variables);
    terminal.shows("src/lock.rs:");
    terminal.press("\r");
    terminal.shows("`/nowhere/vim` does not run");
    terminal.press("\u{1b}");
    terminal.ends(0);
}

#[test]
fn a_reader_is_heard_while_it_speaks_and_stopped() {
    let sandbox = indexed(SMALL);
    let says = "It creates the file and waits for nobody [1].\n";
    let server = Server::with(move |_| (says.to_owned(), Then::Silence));
    let args = server.args(&["--query", "acquire_lock"]);
    let terminal = Terminal::new(&sandbox, &args, &[]);
    terminal.shows("src/lock.rs:");
    terminal.press("\u{5}");
    terminal.shows("It creates the file");
    terminal.shows("esc stops it");
    terminal.press("\u{1b}");
    terminal.shows("stopped");
    terminal.press("\u{3}");
    terminal.ends(0);
}

#[test]
fn a_search_that_is_wrong_says_what_to_do() {
    let sandbox = indexed(SMALL);
    let terminal = Terminal::new(&sandbox, &["--mode", "regex", "--query", "fn acq("], &[]);
    terminal.shows("regex");
    terminal.until("problem", |terminal| terminal.text().contains("unclosed"));
    terminal.press("\u{15}pub.fn");
    terminal.shows("src/lock.rs:");
    terminal.press("\u{6}python");
    terminal.shows("nothing found");
    terminal.press("\u{3}");
    terminal.ends(0);
}

#[test]
fn terminals_may_be_tiny_and_change() {
    let sandbox = indexed(SMALL);
    let terminal = Terminal::sized((20, 5), &sandbox, &["--query", "lock"], &[]);
    terminal.shows("…lock.rs:");
    for (columns, rows) in [(1, 1), (7, 2), (120, 40)] {
        let sizes = (
            NonZeroU16::new(rows).unwrap(),
            NonZeroU16::new(columns).unwrap(),
        );
        terminal
            .screen
            .lock()
            .unwrap()
            .screen_mut()
            .set_size(sizes.0, sizes.1);
        terminal.pty.resize(Size::new(rows, columns)).unwrap();
        terminal.signal(Signal::WINCH);
        std::thread::sleep(Duration::from_millis(300));
    }
    terminal.shows("pub fn acquire_lock");
    terminal.shows("ctrl-e explain");
    terminal.press("\u{3}");
    terminal.ends(0);
}

#[test]
fn hostile_names_and_code_are_shown_not_obeyed() {
    let name = "src/\u{1b}]0;pwned\u{7}\u{202e}x.py";
    let code = "def lock():\n    \"\"\"\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}日本\"\"\"\n";
    let sandbox = indexed(&[(name, code)]);
    let terminal = Terminal::new(&sandbox, &["--query", "lock"], &[("NO_COLOR", "1")]);
    terminal.shows("src/\\u{1b}]0;pwned\\u{7}\\u{202e}x.py");
    terminal.shows("\\u{1b}]0;owned\\u{7}\\u{1b}[2J\\u{202e}日本");
    terminal.press("\u{5}");
    terminal.shows("function lock");
    let raw = terminal.raw();
    let colours = regex::Regex::new("\u{1b}\\[[0-9;]*\\b[349][0-7]m").unwrap();
    assert_eq!(colours.find(&raw).map(|found| found.as_str()), None);
    for bad in ["\u{1b}]0;", "\u{1b}[2J\u{1b}", "\u{202e}"] {
        assert!(!raw.contains(bad), "{bad:?} in {raw:?}");
    }
    terminal.press("\u{3}");
    terminal.ends(0);
}

#[test]
fn without_a_terminal_the_next_step_is_said() {
    let sandbox = Sandbox::new(SMALL);
    check!(sandbox, sandbox.run(&["ui"]), @r#"
    exit 2
    --- stdout
    --- stderr
    error: `fathom ui` needs a terminal: stdin is no terminal
    hint: run it in a terminal, or search with `fathom search "…"`
    "#);
}

#[test]
fn a_dumb_terminal_is_refused() {
    let sandbox = Sandbox::new(SMALL);
    let mut terminal = Terminal::new(&sandbox, &[], &[("TERM", "dumb")]);
    terminal.shows("TERM=dumb cannot show it");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(2));
}
