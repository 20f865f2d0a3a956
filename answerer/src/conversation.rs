//! Several questions in a row: what was said and shown before is kept as far as there is room.

use std::collections::VecDeque;

use fathom_retriever::understand::understand;

use crate::cite::Shown;
use crate::context::{Context, Piece};
use crate::prompt::{self, Prompt};
use crate::reader::{Message, Role};

/// Tokens that a template puts around each message, at most.
const AROUND: usize = 16;
/// A question with fewer words of its own is about what was asked before.
const OWN_WORDS: usize = 3;

/// The turns so far.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    turns: VecDeque<Turn>,
    /// Numbers given to pieces, those of forgotten turns included.
    numbered: usize,
}

#[derive(Clone, Debug)]
struct Turn {
    question: String,
    messages: [Message; 2],
    /// What was shown with the question.
    context: Context,
}

impl Conversation {
    /// What to search for: a short question is searched for with the one before it, as in
    /// "and who calls it?".
    #[must_use]
    pub fn query(&self, question: &str) -> String {
        let own = understand(question);
        match self.turns.back() {
            Some(before) if own.words.len() < OWN_WORDS && own.paths.is_empty() => {
                format!("{} {}", before.question, question.trim())
            }
            _ => question.to_owned(),
        }
    }

    /// Tokens that are left for new pieces of code, of `wanted` and of a context of `length`
    /// tokens of which an answer takes `answer`. The oldest turns are forgotten until there is
    /// room for half of what is wanted.
    pub fn make_room(
        &mut self,
        question: &str,
        count: &dyn Fn(&str) -> usize,
        (length, answer, wanted): (usize, usize, usize),
    ) -> usize {
        let fixed = count(prompt::RULES) + count(question) + answer + 2 * AROUND;
        loop {
            let messages = self.turns.iter().flat_map(|turn| &turn.messages);
            let taken: usize = messages.map(|one| count(&one.content) + AROUND).sum();
            let left = length.saturating_sub(fixed + taken).min(wanted);
            if left >= wanted / 2 || self.turns.pop_front().is_none() {
                return left;
            }
        }
    }

    /// The next prompt. Pieces that are shown already are not shown again.
    #[must_use]
    pub fn prompt(&self, question: &str, context: Context) -> (Prompt, Context) {
        let known: Vec<Piece> = self.pieces().map(|(_, piece)| piece.clone()).collect();
        let context = context.after(&known, self.numbered);
        let messages = self.turns.iter().flat_map(|turn| turn.messages.clone());
        let messages: Vec<Message> = messages.collect();
        let mut prompt = prompt::continued(&messages, question, &context);
        let mut shown: Vec<Shown> = self
            .turns
            .iter()
            .flat_map(|turn| turn.context.shown())
            .collect();
        shown.append(&mut prompt.shown);
        prompt.shown = shown;
        (prompt, context)
    }

    /// Every piece that the reader still sees, with its number.
    pub fn pieces(&self) -> impl Iterator<Item = (usize, &Piece)> {
        self.turns.iter().flat_map(|turn| turn.context.numbered())
    }

    /// Keeps a turn: the question, what was shown with it, the prompt that it became, and what
    /// the reader said.
    pub fn keep(&mut self, question: &str, context: Context, prompt: &Prompt, answer: &str) {
        self.numbered = self.numbered.max(context.before + context.pieces.len());
        let Some(asked) = prompt.messages.last() else {
            return;
        };
        self.turns.push_back(Turn {
            question: question.trim().to_owned(),
            messages: [
                asked.clone(),
                Message {
                    role: Role::Assistant,
                    content: answer.to_owned(),
                },
            ],
            context,
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn words(text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn piece(path: &str, lines: u32) -> Piece {
        let text: String = (1..=lines)
            .map(|n| format!("line {n} of {path}\n"))
            .collect();
        Piece::new(path.as_bytes(), "rust", (1, lines), &text)
    }

    /// A conversation in which these files were shown, one per turn.
    fn about(files: &[(&str, u32)]) -> Conversation {
        let mut conversation = Conversation::default();
        for (file, lines) in files {
            let question = format!("what does the file {file} do");
            let found = Context::of(vec![piece(file, *lines)]);
            let (prompt, context) = conversation.prompt(&question, found);
            conversation.keep(&question, context, &prompt, "It does [1].");
        }
        conversation
    }

    fn numbers(conversation: &Conversation) -> Vec<(usize, String)> {
        let pieces = conversation.pieces();
        pieces
            .map(|(number, piece)| (number, piece.label()))
            .collect()
    }

    #[test]
    fn earlier_code_keeps_its_numbers_and_can_be_cited() {
        let conversation = about(&[("a.rs", 2), ("b.rs", 2)]);
        let found = Context::of(vec![piece("a.rs", 2), piece("c.rs", 1)]);
        let (prompt, context) = conversation.prompt("and c?", found);
        let labels: Vec<&str> = prompt.shown.iter().map(|one| one.label.as_str()).collect();
        assert_eq!(labels, ["a.rs:1-2", "b.rs:1-2", "c.rs:1-1"]);
        let numbers: Vec<usize> = prompt.shown.iter().map(|one| one.number).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(context.pieces.len(), 1);
        assert_eq!(prompt.messages.len(), 6);
        assert!(prompt.messages[5].content.starts_with("[3] c.rs:1-1\n"));
    }

    #[test]
    fn the_oldest_turns_make_room() {
        let mut conversation = about(&[("a.rs", 100), ("b.rs", 100)]);
        let fixed = words(prompt::RULES) + 2 * AROUND + 10;
        let room = |conversation: &mut Conversation, length| {
            conversation.make_room("q", &words, (length + fixed, 9, 200))
        };
        assert_eq!(room(&mut conversation, 2000), 200);
        assert_eq!(conversation.turns.len(), 2);
        let left = room(&mut conversation, 620);
        assert!((100..200).contains(&left), "{left}");
        assert_eq!(numbers(&conversation), [(2, "b.rs:1-100".to_owned())]);
        assert_eq!(room(&mut conversation, 150), 150);
        assert!(conversation.turns.is_empty());
        // Numbers are not given again.
        let (prompt, _) = conversation.prompt("q", Context::of(vec![piece("a.rs", 1)]));
        assert_eq!(prompt.shown[0].number, 3);
    }

    #[test]
    fn a_short_question_is_about_the_one_before() {
        let conversation = about(&[("a.rs", 1)]);
        assert_eq!(
            conversation.query("and who calls it?"),
            "what does the file a.rs do and who calls it?"
        );
        let own = "how are centroids of a codebook trained";
        assert_eq!(conversation.query(own), own);
        assert_eq!(Conversation::default().query("it?"), "it?");
    }
}
