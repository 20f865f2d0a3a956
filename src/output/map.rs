//! The map of a repository, for programs.

use fathom_answerer::map::{Map, MapFile};
use serde_json::{Value, json};

use super::json;

/// Everything of a map.
pub fn document(map: &Map, generation: u64) -> Value {
    json!({
        "generation": generation,
        "shown": map.shown,
        "total": map.total,
        "files": map.files.iter().map(file).collect::<Vec<_>>(),
    })
}

fn file(file: &MapFile) -> Value {
    let (path, path_b64) = json::path(&file.path);
    let symbols = file.symbols.iter().map(|symbol| {
        json!({
            "name": symbol.name,
            "kind": symbol.kind.as_str(),
            "line": symbol.line,
            "signature": symbol.signature,
            "rank": symbol.rank,
        })
    });
    let mut value = json!({
        "path": path,
        "rank": file.rank,
        "symbols": symbols.collect::<Vec<_>>(),
    });
    if let (Value::Object(fields), Some(b64)) = (&mut value, path_b64) {
        fields.insert("path_b64".into(), b64.into());
    }
    value
}
