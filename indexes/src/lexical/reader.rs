//! Searching the lexical index: BM25 with a weight per field, over the live chunks only.

use super::schema::{self, CHUNK, Fields};
use super::writer::payload;
use super::{LexicalIndex, LexicalQuery};
use crate::{ChunkId, Hit, StoreError};
use std::fmt;
use std::sync::Arc;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::{InvertedIndexReader, SegmentReader};
use tantivy::schema::IndexRecordOption;
use tantivy::{Index, Term};

/// Term saturation and length normalisation of BM25 (Robertson and Zaragoza, 2009).
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// One commit of the lexical index, restricted to a set of live chunks.
pub struct LexicalReader {
    home: LexicalIndex,
    fields: Fields,
    segments: Vec<Segment>,
    payload: Option<u64>,
    live: u64,
    /// `K1 · (1 - B + B · length / average)` for each field and stored length.
    norms: [[f32; 256]; 4],
}

impl fmt::Debug for LexicalReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LexicalReader")
            .field("segments", &self.segments.len())
            .field("payload", &self.payload)
            .field("live", &self.live)
            .finish_non_exhaustive()
    }
}

struct Segment {
    postings: [Arc<InvertedIndexReader>; 4],
    lengths: [FieldNormReader; 4],
    /// Chunk by document; [`DEAD`] for deleted and not live ones.
    chunks: Vec<u32>,
    stored: Vec<ChunkId>,
}

const DEAD: u32 = u32::MAX;

impl LexicalReader {
    pub(super) fn open(
        home: &LexicalIndex,
        live: &dyn Fn(ChunkId) -> bool,
    ) -> tantivy::Result<LexicalReader> {
        let (_, fields) = schema::schema();
        let mut reader = LexicalReader {
            home: home.clone(),
            fields,
            segments: Vec::new(),
            payload: None,
            live: 0,
            norms: [[K1; 256]; 4],
        };
        if let Some(index) = home.open()? {
            reader.load(&index, live)?;
        }
        Ok(reader)
    }

    fn load(&mut self, index: &Index, live: &dyn Fn(ChunkId) -> bool) -> tantivy::Result<()> {
        let metas = index.load_metas()?;
        self.payload = payload(metas.payload);
        for meta in metas.segments {
            let segment = SegmentReader::open(&index.segment(meta))?;
            self.segments
                .push(Segment::load(&segment, &self.fields, live)?);
        }
        let live = |segment: &Segment| segment.live().count() as u64;
        self.live = self.segments.iter().map(live).sum();
        for (field, norms) in self.norms.iter_mut().enumerate() {
            let total: u64 = self
                .segments
                .iter()
                .map(|segment| segment.total_length(field))
                .sum();
            *norms = length_norms(total as f32 / self.live.max(1) as f32);
        }
        Ok(())
    }

    /// The payload of the commit that this reader shows, `None` for an empty index.
    pub fn payload(&self) -> Option<u64> {
        self.payload
    }

    /// Number of chunks that are indexed and live.
    pub fn live_chunks(&self) -> u64 {
        self.live
    }

    /// Number of tantivy segments that a search reads.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }

    /// All chunks in the index that were not deleted from it, live or not, in no order.
    pub fn chunk_ids(&self) -> impl Iterator<Item = ChunkId> {
        self.segments
            .iter()
            .flat_map(|segment| segment.stored.iter().copied())
    }

    /// The `n` best live chunks, among those that `within` accepts. The statistics behind the
    /// scores are those of all live chunks.
    pub fn search(
        &self,
        query: &LexicalQuery,
        n: usize,
        within: Option<&dyn Fn(ChunkId) -> bool>,
    ) -> Result<Vec<Hit>, StoreError> {
        self.home.run(|| {
            let weights = &query.field_weights;
            let weights = [weights.path, weights.name, weights.doc, weights.body];
            let mut scores = Scores::new(self);
            for term in &query.terms {
                for (field, weight) in weights.into_iter().enumerate() {
                    if weight != 0.0 {
                        self.add_term(&mut scores, field, &term.text, weight * term.weight)?;
                    }
                }
            }
            Ok(best(scores.hits(self, within), n))
        })
    }

    /// Adds one word's BM25 score in one field.
    fn add_term(
        &self,
        scores: &mut Scores,
        field: usize,
        text: &str,
        weight: f32,
    ) -> tantivy::Result<()> {
        let term = Term::from_field_text(self.fields.texts[field], text);
        let norms = &self.norms[field];
        scores.postings.clear();
        let mut first = 0;
        for segment in &self.segments {
            let lengths = &segment.lengths[field];
            segment.each_posting(field, &term, |document, frequency| {
                let frequency = frequency as f32;
                let norm = norms[usize::from(lengths.fieldnorm_id(document))];
                let part = frequency / (frequency + norm);
                scores.postings.push((first + document, part));
            })?;
            first += segment.chunks.len() as u32;
        }
        let frequency = scores.postings.len() as f32;
        let rarity = (1.0 + (self.live as f32 - frequency + 0.5) / (frequency + 0.5)).ln();
        scores.add(weight * rarity * (K1 + 1.0));
        Ok(())
    }
}

fn length_norms(average: f32) -> [f32; 256] {
    std::array::from_fn(|id| {
        let length = FieldNormReader::id_to_fieldnorm(id as u8) as f32;
        K1 * (1.0 - B + B * length / average.max(f32::MIN_POSITIVE))
    })
}

impl Segment {
    fn load(
        reader: &SegmentReader,
        fields: &Fields,
        live: &dyn Fn(ChunkId) -> bool,
    ) -> tantivy::Result<Segment> {
        let column = reader.fast_fields().u64(CHUNK)?;
        let mut chunks = vec![DEAD; reader.max_doc() as usize];
        let mut stored = Vec::with_capacity(chunks.len());
        for document in reader.doc_ids_alive() {
            let Some(chunk) = column.first(document).and_then(|id| u32::try_from(id).ok()) else {
                continue;
            };
            stored.push(ChunkId(chunk));
            if live(ChunkId(chunk)) {
                chunks[document as usize] = chunk;
            }
        }
        Ok(Segment {
            postings: each(fields, |field| reader.inverted_index(field))?,
            lengths: each(fields, |field| reader.get_fieldnorms_reader(field))?,
            chunks,
            stored,
        })
    }

    fn live(&self) -> impl Iterator<Item = u32> {
        let documents = self.chunks.iter().zip(0_u32..);
        documents
            .filter(|(chunk, _)| **chunk != DEAD)
            .map(|(_, document)| document)
    }

    /// Words in a field of all live chunks.
    fn total_length(&self, field: usize) -> u64 {
        let lengths = &self.lengths[field];
        self.live()
            .map(|document| u64::from(lengths.fieldnorm(document)))
            .sum()
    }

    /// Calls `visit` with each live document that holds `term`, and how often.
    fn each_posting(
        &self,
        field: usize,
        term: &Term,
        mut visit: impl FnMut(u32, u32),
    ) -> tantivy::Result<()> {
        let postings = &self.postings[field];
        let Some(mut block) = postings.read_block_postings(term, IndexRecordOption::WithFreqs)?
        else {
            return Ok(());
        };
        while block.block_len() > 0 {
            for (&document, &frequency) in block.docs().iter().zip(block.freqs()) {
                if self.chunks[document as usize] != DEAD {
                    visit(document, frequency);
                }
            }
            block.advance();
        }
        Ok(())
    }
}

fn each<T>(
    fields: &Fields,
    get: impl Fn(tantivy::schema::Field) -> tantivy::Result<T>,
) -> tantivy::Result<[T; 4]> {
    let [path, name, doc, body] = fields.texts;
    Ok([get(path)?, get(name)?, get(doc)?, get(body)?])
}

/// Scores by document, counted through all segments.
struct Scores {
    scores: Vec<f32>,
    found: Vec<u32>,
    seen: Vec<bool>,
    /// Postings of the word at hand: document and saturated frequency.
    postings: Vec<(u32, f32)>,
}

impl Scores {
    fn new(reader: &LexicalReader) -> Scores {
        let documents = reader
            .segments
            .iter()
            .map(|segment| segment.chunks.len())
            .sum();
        Scores {
            scores: vec![0.0; documents],
            found: Vec::new(),
            seen: vec![false; documents],
            postings: Vec::new(),
        }
    }

    fn add(&mut self, weight: f32) {
        for &(document, part) in &self.postings {
            let at = document as usize;
            if !self.seen[at] {
                self.seen[at] = true;
                self.found.push(document);
            }
            self.scores[at] += weight * part;
        }
    }

    fn hits(&self, reader: &LexicalReader, within: Option<&dyn Fn(ChunkId) -> bool>) -> Vec<Hit> {
        let mut found = self.found.clone();
        found.sort_unstable();
        let mut hits = Vec::with_capacity(found.len());
        let mut segments = reader.segments.iter();
        let (mut chunks, mut first) = (&[][..], 0);
        for document in found {
            while document as usize >= first + chunks.len() {
                first += chunks.len();
                let Some(segment) = segments.next() else {
                    return hits;
                };
                chunks = &segment.chunks;
            }
            let chunk = ChunkId(chunks[document as usize - first]);
            if within.is_none_or(|within| within(chunk)) {
                let score = self.scores[document as usize];
                hits.push(Hit { chunk, score });
            }
        }
        hits
    }
}

/// The `n` best, best first, ties by chunk.
fn best(mut hits: Vec<Hit>, n: usize) -> Vec<Hit> {
    if n == 0 {
        return Vec::new();
    }
    if hits.len() > n {
        hits.select_nth_unstable_by(n - 1, Hit::best_first);
        hits.truncate(n);
    }
    hits.sort_unstable_by(Hit::best_first);
    hits
}
