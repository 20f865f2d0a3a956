//! An answer that is not waited for.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fathom_answerer::lookup::Sampling;
use fathom_answerer::reader::{
    Completion, Drafting, Finish, LlamaReader, Message, Reader, ReaderError, Request, Role,
};

use super::common::{ask, message, pieces, question, reader};

/// A prompt that takes a while.
fn long() -> Vec<Message> {
    let pieces = pieces();
    let code: Vec<&str> = pieces.iter().map(|(_, code)| code.as_str()).collect();
    let mut text = code.join("\n");
    while text.len() < 9000 {
        text = text.clone() + &text;
    }
    let mut end = 9000;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    vec![message(Role::User, text)]
}

fn read(
    reader: &mut LlamaReader,
    messages: &[Message],
    cancel: &AtomicBool,
    deadline: Option<Instant>,
    stop: &[String],
    mut on: impl FnMut(&str) -> ControlFlow<()>,
) -> Completion {
    let request = Request {
        messages,
        quotable: &[],
        sampling: Sampling {
            temperature: 1.5,
            top_p: 1.0,
            seed: 1,
        },
        max_tokens: 2000,
        stop,
        deadline,
        cancel,
    };
    reader.read(&request, &mut on).unwrap()
}

/// After an interruption the reader answers as a new one does.
fn works_on(reader: &mut LlamaReader) {
    let messages = question(&pieces()[..2]);
    let expected = ask(&mut super::common::reader(Drafting::Off), &messages, 50).text;
    assert_eq!(ask(reader, &messages, 50).text, expected);
}

#[test]
fn a_set_flag_stops_the_prompt_within_100_ms() {
    let mut reader = reader(Drafting::On);
    let cancel = AtomicBool::new(false);
    let set = std::sync::Mutex::new(None);
    let completion = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(15));
            *set.lock().unwrap() = Some(Instant::now());
            cancel.store(true, Ordering::SeqCst);
        });
        read(&mut reader, &long(), &cancel, None, &[], |_| {
            ControlFlow::Continue(())
        })
    });
    let took = set.lock().unwrap().unwrap().elapsed();
    assert!(took < Duration::from_millis(100), "{took:?}");
    assert_eq!(completion.finish, Finish::Cancelled);
    works_on(&mut reader);
}

#[test]
fn a_receiver_that_breaks_stops_the_answer() {
    let mut reader = reader(Drafting::On);
    let cancel = AtomicBool::new(false);
    let mut pieces = 0;
    let messages = question(&super::common::pieces()[..2]);
    let completion = read(&mut reader, &messages, &cancel, None, &[], |_| {
        pieces += 1;
        if pieces == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!((completion.finish, pieces), (Finish::Cancelled, 3));
    works_on(&mut reader);
}

#[test]
fn the_deadline_ends_the_prompt_and_the_answer() {
    let mut reader = reader(Drafting::On);
    let cancel = AtomicBool::new(false);
    let began = Instant::now();
    let past = Some(began);
    let completion = read(&mut reader, &long(), &cancel, past, &[], |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(
        (completion.finish, completion.text.as_str()),
        (Finish::Deadline, "")
    );
    assert!(began.elapsed() < Duration::from_millis(100));
    works_on(&mut reader);
}

#[test]
fn a_stop_text_ends_the_answer_before_it() {
    let mut reader = reader(Drafting::On);
    let cancel = AtomicBool::new(false);
    let messages = question(&pieces()[..2]);
    let go_on = |_: &str| ControlFlow::Continue(());
    let all = read(&mut reader, &messages, &cancel, None, &[], go_on).text;
    let middle: String = all.chars().skip(all.chars().count() / 2).take(5).collect();
    let stopped = read(
        &mut reader,
        &messages,
        &cancel,
        None,
        std::slice::from_ref(&middle),
        go_on,
    );
    assert_eq!(stopped.finish, Finish::Stop);
    assert_eq!(
        Some(stopped.text.as_str()),
        all.split(middle.as_str()).next()
    );
}

#[test]
fn the_answer_ends_with_its_length_or_the_context() {
    let mut reader = reader(Drafting::On);
    let messages = question(&pieces()[..2]);
    let short = ask(&mut reader, &messages, 7);
    assert_eq!((short.finish, short.stats.tokens), (Finish::Length, 7));
    let cancel = AtomicBool::new(false);
    let request = Request {
        messages: &[message(Role::User, "x y ".repeat(3000))],
        quotable: &[],
        sampling: Sampling::GREEDY,
        max_tokens: 1,
        stop: &[],
        deadline: None,
        cancel: &cancel,
    };
    let error = reader
        .read(&request, &mut |_| ControlFlow::Continue(()))
        .unwrap_err();
    assert!(
        matches!(error, ReaderError::Full { length: 4096 }),
        "{error}"
    );
}
