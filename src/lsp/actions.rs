//! `textDocument/codeAction`: what can be asked of the code under the cursor.

use gen_lsp_types::{CodeActionParams, CodeActionTriggerKind};
use serde_json::{Value, json};

use super::asked::Asked;
use super::message::Refusal;

/// A command: how it is called, the kind of its action, its title.
pub const COMMANDS: [(&str, &str, &str); 3] = [
    ("fathom.explain", "fathom.explain", "Explain this"),
    ("fathom.similar", "fathom.similar", "Find similar code"),
    ("fathom.ask", "fathom.ask", "Ask about this"),
];

/// The actions at a place. None while somebody only moves about: there is always something to
/// explain, so a sign for it would say nothing.
pub fn actions(asked: &Asked) -> Result<Value, Refusal> {
    let params: CodeActionParams = asked.params()?;
    let uri = &params.text_document.uri.0;
    let is_automatic = params.context.trigger_kind == Some(CodeActionTriggerKind::Automatic);
    if is_automatic || asked.here(uri)?.is_none() {
        return Ok(json!([]));
    }
    let only: Option<Vec<String>> = params
        .context
        .only
        .map(|kinds| kinds.into_iter().map(String::from).collect());
    let is_wanted = |kind: &str| {
        only.as_ref().is_none_or(|only| {
            let holds = |one: &String| one.is_empty() || is_below(kind, one);
            only.iter().any(holds)
        })
    };
    let literals = asked.world.client.abilities().actions;
    let about = json!([{"uri": uri, "range": params.range}]);
    let wanted = COMMANDS.iter().filter(|(_, kind, _)| is_wanted(kind));
    let actions = wanted.map(|(command, kind, title)| {
        let command = json!({"title": title, "command": command, "arguments": about});
        match literals {
            true => json!({"title": title, "kind": kind, "command": command}),
            false => command,
        }
    });
    Ok(actions.collect::<Vec<_>>().into())
}

/// Whether a kind is another one or a part of it: `a.b` of `a`.
fn is_below(kind: &str, of: &str) -> bool {
    let rest = kind.strip_prefix(of);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
