//! One walk over a syntax tree: the definitions with the lines that belong to
//! them, where statements begin, and which names are mentioned.

use std::ops::Range;

use fathom_indexes::ChunkKind::{self, Type};
use tree_sitter::{Node, Tree};

use super::describe::{self, Lead};
use super::roles::{Role, roles};
use crate::language::{Definition, Language, Name, Place};
use crate::symbols::{self, Mention};

/// Nodes deeper than this are not visited; chains of operators get this deep, code does not.
const MAX_DEPTH: usize = 2000;

/// What ends a comment that may stand one blank line above its definition.
const BLOCK_ENDS: [&str; 3] = ["*/", "-}", "*)"];

/// A definition and the lines (0-based, end exclusive) that belong to it:
/// comments and attributes before it, decorators and templates around it.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) kind: ChunkKind,
    pub(crate) name: String,
    pub(crate) qualified_name: String,
    pub(crate) scope: String,
    pub(crate) signature: String,
    pub(crate) doc: String,
    /// Bytes of a string inside the body that documents it.
    pub(crate) docstring: Option<Range<usize>>,
    pub(crate) lines: Range<usize>,
    /// Line of the definition itself.
    pub(crate) line: usize,
    pub(crate) parent: Option<usize>,
    pub(crate) depth: usize,
    pub(crate) declares: bool,
}

/// What one walk finds.
#[derive(Debug, Default)]
pub(crate) struct Syntax {
    /// In the order of their beginnings; parents before children.
    pub(crate) units: Vec<Unit>,
    /// For each line, how many syntax nodes a cut in front of it would split.
    pub(crate) cuts: Vec<u16>,
    pub(crate) mentions: Vec<Mention>,
    /// Whether each line is a comment or an attribute and nothing else.
    pub(crate) leads: Vec<bool>,
    /// Whether each line is a comment and nothing else.
    pub(crate) comments: Vec<bool>,
}

/// Reads the tree of `text`, which has `line_count` lines.
pub(crate) fn read(
    language: &'static Language,
    tree: &Tree,
    text: &str,
    line_count: usize,
) -> Syntax {
    let mut walk = Walk::new(language, text, line_count);
    let mut cursor = tree.walk();
    loop {
        let descend = walk.enter(cursor.node());
        if descend && cursor.goto_first_child() {
            continue;
        }
        walk.frames.pop();
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return walk.finish();
            }
            walk.frames.pop();
        }
    }
}

/// An open node of the walk.
struct Frame {
    lines: Range<usize>,
    start_byte: usize,
    wrapper: bool,
    leading: bool,
    unit: Option<usize>,
}

struct Walk<'a> {
    language: &'static Language,
    roles: &'static [Role],
    text: &'a str,
    line_starts: Vec<usize>,
    frames: Vec<Frame>,
    /// What each line holds if nothing but a comment or an attribute.
    leads: Vec<Lead>,
    /// The last type signature that leads a definition: its line and bytes.
    type_signature: Option<(usize, Range<usize>)>,
    /// Differences of `Syntax::cuts`.
    spans: Vec<i32>,
    syntax: Syntax,
}

impl<'a> Walk<'a> {
    fn new(language: &'static Language, text: &'a str, line_count: usize) -> Self {
        let line_starts =
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1));
        Walk {
            language,
            roles: roles(language),
            text,
            line_starts: line_starts.collect(),
            frames: Vec::new(),
            leads: vec![Lead::None; line_count],
            type_signature: None,
            spans: vec![0; line_count + 1],
            syntax: Syntax::default(),
        }
    }

    /// Opens a node; says whether its children matter.
    fn enter(&mut self, node: Node) -> bool {
        let role = self
            .roles
            .get(node.kind_id() as usize)
            .copied()
            .unwrap_or_default();
        let lines = self.lines_of(node);
        self.count_span(&lines);
        let mut frame = Frame {
            lines,
            start_byte: node.start_byte(),
            wrapper: role.wrapper,
            leading: role.leading,
            unit: self.enclosing(),
        };
        if role.comment || role.leading {
            self.mark_lead(node, role, &frame.lines);
            if node.kind() == "signature" {
                self.type_signature = Some((frame.lines.start, node.byte_range()));
            }
        }
        if let Some(definition) = role.definition
            && let Some(unit) = self.define(node, definition, &frame.lines)
        {
            self.syntax.units.push(unit);
            frame.unit = Some(self.syntax.units.len() - 1);
        }
        let defines = frame.unit != self.enclosing();
        if let Some(field) = role.call {
            if !defines && !self.in_attribute() {
                self.mention_call(node, field);
            }
        } else if role.type_name {
            self.mention(node);
        }
        self.frames.push(frame);
        self.frames.len() < MAX_DEPTH && !role.comment
    }

    /// `@doc`, `@spec`: what looks like a call there is none.
    fn in_attribute(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.leading)
    }

    fn enclosing(&self) -> Option<usize> {
        self.frames.last().and_then(|frame| frame.unit)
    }

    /// Lines of a node; one that ends at a line's first column ends on the line before.
    fn lines_of(&self, node: Node) -> Range<usize> {
        let (start, end) = (node.start_position(), node.end_position());
        let last = if end.column == 0 && end.row > start.row {
            end.row - 1
        } else {
            end.row
        };
        let count = self.leads.len();
        start.row.min(count)..(last + 1).min(count)
    }

    /// A cut inside a node that spans several lines splits it; nodes of the same lines count once.
    fn count_span(&mut self, lines: &Range<usize>) {
        let same = self
            .frames
            .last()
            .is_some_and(|frame| frame.lines == *lines);
        if lines.len() > 1 && !same {
            self.spans[lines.start + 1] += 1;
            self.spans[lines.end] -= 1;
        }
    }

    fn mark_lead(&mut self, node: Node, role: Role, lines: &Range<usize>) {
        let content = self.text.get(node.byte_range()).unwrap_or("");
        let (Some(first), Some(last)) = (lines.clone().next(), lines.clone().last()) else {
            return;
        };
        let line_end = self
            .line_starts
            .get(last + 1)
            .copied()
            .unwrap_or(self.text.len());
        let before = &self.text[self.line_starts[first]..node.start_byte()];
        let after = self.text.get(node.end_byte()..line_end).unwrap_or("");
        let alone = before.trim().is_empty()
            && after
                .trim_matches([' ', '\t', '\r', '\n', ';', ','])
                .is_empty();
        if let (true, Some(lead)) = (alone, describe::lead(self.language, content, role.comment)) {
            self.leads[lines.clone()].fill(lead);
        }
    }

    fn define(
        &self,
        node: Node,
        definition: &'static Definition,
        lines: &Range<usize>,
    ) -> Option<Unit> {
        let parent = self.enclosing();
        let parent_unit = parent.map(|index| &self.syntax.units[index]);
        let depth = parent_unit.map_or(0, |unit| unit.depth + 1);
        if depth >= self.language.max_depth
            || !allowed(definition.place, parent_unit.map(|unit| unit.kind))
        {
            return None;
        }
        let kind = match definition.refine {
            Some(refine) => refine(node, self.text)?,
            None => definition.kind,
        };
        let (name, own_scope) =
            symbols::split_name(&name_of(node, definition.name, self.text)?, self.language);
        if name.is_empty()
            || parent_unit.is_some_and(|unit| unit.name == name && unit.line == lines.start)
        {
            return None;
        }
        let outer = self.outermost(lines, node.start_byte());
        let start = self.lead_start(outer.lines.start, parent_unit);
        let head_end = self.text.floor_char_boundary(describe::head_end(node));
        let head = self
            .text
            .get(self.line_starts[start]..head_end)
            .unwrap_or("");
        let kind = symbols::settle_kind(kind, &name, head, parent_unit.map(|unit| unit.kind));
        // `typedef struct x {…} y`: the two are beside each other.
        let beside = |unit: &&Unit| unit.line == lines.start && unit.kind == Type && kind == Type;
        let outer_scope = match parent_unit {
            Some(unit) if beside(&unit) => &unit.scope,
            Some(unit) => &unit.qualified_name,
            None => "",
        };
        let scope = symbols::join(outer_scope, &own_scope, self.language);
        Some(Unit {
            kind,
            qualified_name: symbols::join(&scope, &name, self.language),
            name,
            scope,
            signature: self.signature(node, &outer, start..lines.start, kind),
            doc: self.doc(node, start..outer.lines.start),
            docstring: describe::docstring_at(node),
            lines: start..outer.lines.end,
            line: lines.start,
            parent,
            depth,
            declares: definition.declares,
        })
    }

    /// The node with the wrappers around it that hold nothing else.
    fn outermost(&self, lines: &Range<usize>, start_byte: usize) -> Outer {
        let mut outer = Outer {
            lines: lines.clone(),
            start_byte,
        };
        for frame in self.frames.iter().rev().take_while(|frame| frame.wrapper) {
            if frame.lines.start == outer.lines.start {
                outer.start_byte = frame.start_byte;
                outer.lines.end = outer.lines.end.max(frame.lines.end);
            } else if frame.lines.end == outer.lines.end {
                outer.lines.start = frame.lines.start;
            } else {
                break;
            }
        }
        outer
    }

    /// The first of the comment and attribute lines directly in front of a line.
    fn lead_start(&self, line: usize, parent: Option<&Unit>) -> usize {
        let lowest = parent.map_or(0, |unit| unit.line + 1);
        let above = |mut start: usize| {
            while start > lowest && matches!(self.leads[start - 1], Lead::Comment | Lead::Attribute)
            {
                start -= 1;
            }
            start
        };
        let start = above(line);
        // A block comment documents what follows even across one blank line, except at the top of a file.
        let across = start == line && line >= lowest + 2 && self.line(line - 1).trim().is_empty();
        if across
            && BLOCK_ENDS
                .iter()
                .any(|end| self.line(line - 2).trim_end().ends_with(end))
        {
            let start = above(line - 1);
            if start > 0 && start < line - 1 {
                return start;
            }
        }
        start
    }

    /// The declaration; where a type signature stands in front of it (Haskell), that.
    fn signature(&self, node: Node, outer: &Outer, leads: Range<usize>, kind: ChunkKind) -> String {
        match &self.type_signature {
            Some((line, bytes)) if leads.contains(line) => {
                describe::short(&self.text[bytes.clone()])
            }
            _ => describe::signature(node, outer.start_byte, kind, self.text),
        }
    }

    fn doc(&self, node: Node, lines: Range<usize>) -> String {
        let mut doc = String::new();
        for line in lines.filter(|&line| self.leads[line] == Lead::Comment) {
            describe::push_doc(&mut doc, self.line(line));
        }
        if doc.is_empty() {
            describe::docstring(node, self.text)
        } else {
            describe::trim_doc(doc)
        }
    }

    fn line(&self, line: usize) -> &'a str {
        let end = self
            .line_starts
            .get(line + 1)
            .copied()
            .unwrap_or(self.text.len());
        &self.text[self.line_starts[line]..end]
    }

    fn mention_call(&mut self, node: Node, field: Option<u16>) {
        let callee = match field {
            Some(field) => node.child_by_field_id(field),
            None => node.named_child(0),
        };
        if let Some(callee) = callee {
            self.mention(callee);
        }
    }

    fn mention(&mut self, node: Node) {
        let text = self.text.get(node.byte_range()).unwrap_or("");
        let line = node.end_position().row as u32 + 1;
        symbols::push_mentions(&mut self.syntax.mentions, text, line);
    }

    fn finish(self) -> Syntax {
        let mut syntax = self.syntax;
        let mut open = 0i32;
        let line_count = self.leads.len();
        syntax.cuts = (0..line_count)
            .map(|line| {
                open += self.spans[line];
                let splits_comment =
                    line > 0 && matches!(self.leads[line - 1], Lead::Comment | Lead::Attribute);
                open.max(0) as u16 + 2 * u16::from(splits_comment)
            })
            .collect();
        let is = |wanted: fn(&Lead) -> bool| self.leads.iter().map(wanted).collect();
        syntax.leads = is(|lead| *lead != Lead::None);
        syntax.comments = is(|lead| *lead == Lead::Comment);
        symbols::merge_clauses(&mut syntax.units, self.language);
        syntax
    }
}

struct Outer {
    lines: Range<usize>,
    start_byte: usize,
}

/// Whether a definition may stand inside a parent of this kind.
fn allowed(place: Place, parent: Option<ChunkKind>) -> bool {
    use ChunkKind::{Function, Impl, Interface, Method, Module, Test};
    match (place, parent) {
        (Place::Anywhere, _) | (_, None | Some(Module)) => true,
        (Place::Outside, Some(Type | Interface | Impl)) => true,
        (Place::Outside, Some(Function | Method | Test)) | (Place::Top, _) => false,
        (Place::Outside, Some(_)) => true,
    }
}

fn name_of(node: Node, name: Name, text: &str) -> Option<String> {
    let of = |node: Node| text.get(node.byte_range()).map(str::to_string);
    match name {
        Name::Field(field) => node.child_by_field_name(field).and_then(of),
        Name::Child(kinds) => crate::language::child(node, kinds).and_then(of),
        Name::Fixed(name) => Some(name.to_string()),
        Name::Find(find) => find(node, text),
    }
}
