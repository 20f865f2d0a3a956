//! Contents as points: their ids, their payload, and filters over it.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use fathom_indexes::{ChunkId, ContentHash, Snapshot};
use fathom_retriever::Filter as Wanted;
use qdrant_client::qdrant::{
    Condition, CreateFieldIndexCollectionBuilder, FieldType, Filter, ListValue, PointId, Value,
    point_id, value,
};

use super::{QdrantError, Remote};

/// Languages, kinds, and each folder that a content stands in, with the file itself.
const LANGUAGE: &str = "lang";
const KIND: &str = "kind";
const UNDER: &str = "under";
/// A hash of the payload, which tells whether it is still right.
pub(super) const STAMP: &str = "stamp";

/// Where the contents stand that belong to chunks.
pub(super) struct Places {
    of: HashMap<ChunkId, Place>,
}

struct Place {
    language: String,
    kind: &'static str,
    path: String,
}

impl Places {
    pub fn of(snapshot: &Snapshot) -> Result<Places, QdrantError> {
        let of = RefCell::new(HashMap::new());
        snapshot.select(&|head| {
            let place = Place {
                language: head.language.to_lowercase(),
                kind: head.kind.as_str(),
                path: String::from_utf8_lossy(head.path).into_owned(),
            };
            of.borrow_mut().insert(head.id, place);
            false
        })?;
        Ok(Places {
            of: of.into_inner(),
        })
    }

    /// The payload of a content that these chunks have.
    pub fn payload(&self, chunks: &[ChunkId]) -> Payload {
        let mut payload = Payload::default();
        for place in chunks.iter().filter_map(|chunk| self.of.get(chunk)) {
            payload.languages.insert(place.language.clone());
            payload.kinds.insert(place.kind);
            payload.under.extend(folders(&place.path));
        }
        payload
    }
}

/// A path and every folder above it: `a/b.rs` gives `a`, `a/b.rs`.
fn folders(path: &str) -> impl Iterator<Item = String> {
    let ends = path.match_indices('/').map(|(at, _)| at);
    let ends = ends.chain([path.len()]);
    ends.map(|end| path[..end].to_owned())
}

/// What is stored beside a content's vectors.
#[derive(Default, Debug, PartialEq)]
pub(super) struct Payload {
    languages: BTreeSet<String>,
    kinds: BTreeSet<&'static str>,
    under: BTreeSet<String>,
}

impl Payload {
    /// A name for all that it says.
    pub fn stamp(&self) -> String {
        blake3::hash(format!("{self:?}").as_bytes()).to_hex()[..16].to_owned()
    }

    pub fn into_map(self) -> HashMap<String, Value> {
        let stamp = self.stamp();
        let kinds = self.kinds.into_iter().map(str::to_owned);
        HashMap::from([
            (LANGUAGE.to_owned(), list(self.languages)),
            (KIND.to_owned(), list(kinds)),
            (UNDER.to_owned(), list(self.under)),
            (STAMP.to_owned(), Value::from(stamp)),
        ])
    }
}

fn list(values: impl IntoIterator<Item = String>) -> Value {
    let values = values.into_iter().map(Value::from).collect();
    Value {
        kind: Some(value::Kind::ListValue(ListValue { values })),
    }
}

/// Makes filters fast.
pub(super) fn index_payload(remote: &Remote, name: &str) -> Result<(), QdrantError> {
    for field in [LANGUAGE, KIND, UNDER] {
        let index = CreateFieldIndexCollectionBuilder::new(name, field, FieldType::Keyword);
        let index = remote.client.create_field_index(index.wait(true));
        remote.ask("index the payload", index)?;
    }
    Ok(())
}

/// What of a filter the payload can say; the rest is looked at here.
pub(super) fn conditions(wanted: &Wanted) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let any = |field: &str, values: Vec<String>| Condition::matches(field, values);
    if !wanted.languages.is_empty() {
        let names = wanted.languages.iter().map(|name| name.to_lowercase());
        conditions.push(any(LANGUAGE, names.collect()));
    }
    if !wanted.kinds.is_empty() {
        let names = wanted.kinds.iter().map(|kind| kind.as_str().to_owned());
        conditions.push(any(KIND, names.collect()));
    }
    let under = wanted
        .under
        .as_deref()
        .and_then(|path| std::str::from_utf8(path).ok());
    let under = under.map(|path| path.trim_start_matches("./").trim_matches('/'));
    if let Some(under) = under.filter(|under| !under.is_empty() && *under != ".") {
        conditions.push(any(UNDER, vec![under.to_owned()]));
    }
    conditions
}

/// Only these contents.
pub(super) fn only(contents: impl IntoIterator<Item = ContentHash>) -> Filter {
    Filter::must([Condition::has_id(contents.into_iter().map(id))])
}

/// A content's hash is as long as a UUID.
pub(super) fn id(content: ContentHash) -> PointId {
    let hex: String = content.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    PointId::from(parts.join("-"))
}

/// The content of a point; `None` for a point that is not of our making.
pub(super) fn content(id: &PointId) -> Option<ContentHash> {
    let point_id::PointIdOptions::Uuid(text) = id.point_id_options.as_ref()? else {
        return None;
    };
    let hex: Vec<u8> = text.bytes().filter(|&byte| byte != b'-').collect();
    let mut hash = [0; 16];
    if hex.len() != 32 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(ContentHash(hash))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn contents_are_points_and_back() {
        for seed in 0..50u8 {
            let hash = ContentHash::of(&[seed]);
            assert_eq!(content(&id(hash)), Some(hash));
        }
        assert_eq!(content(&PointId::from(7)), None);
        assert_eq!(content(&PointId::from("no uuid")), None);
    }

    #[test]
    fn a_path_stands_in_its_folders() {
        for (path, expected) in [
            ("a/b/c.rs", &["a", "a/b", "a/b/c.rs"][..]),
            ("c.rs", &["c.rs"]),
        ] {
            assert_eq!(folders(path).collect::<Vec<_>>(), expected);
        }
    }
}
