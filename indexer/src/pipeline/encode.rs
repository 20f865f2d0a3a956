//! Encoding what has no encoding yet: one session per thread, batches of similar
//! length, one durable segment every few seconds.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use fathom_encoders::{Document, Embedding, Encoder, EncoderError, TextEncoder, TokenMatrix};
use fathom_indexes::late::pool;
use fathom_indexes::{
    ChunkId, Collection, ContentHash, Encoding, EncodingClaim, FileId, Snapshot, Store, StoreError,
};

use super::{EncodeReport, Encoders, Event, IndexError, IndexOptions};
use crate::document;

/// What an interruption may lose, in time.
const SEGMENT: Duration = Duration::from_secs(8);
/// Its time in the background: a smaller one keeps others waiting for less.
const BACKGROUND_SEGMENT: Duration = Duration::from_secs(2);
/// Documents of the first segment; later ones follow from the speed.
const FIRST_SEGMENT: usize = 128;
const LARGEST_SEGMENT: usize = 2048;
/// Models that are loaded one at a time get so much more at once: loading one takes seconds.
const IN_TURN: u32 = 8;
/// Tokens that a worker gets at once.
const BATCH_TOKENS: usize = 4096;
/// How long another may write while a segment waits to be saved.
const PATIENCE: Duration = Duration::from_secs(60);
/// More segments than these are tidied up even by a run that was interrupted.
const MANY_SEGMENTS: u64 = 32;
/// How often one who waits for another that encodes looks what it has done.
const LOOK: Duration = Duration::from_millis(250);
/// How much background work lowers the priority of its threads.
const NICENESS: i32 = 10;

/// Encodes every distinct chunk of `store` that has no encoding, those of the newest files first,
/// then lets the store tidy up. Each segment is durable when [`Event::Saved`] says so. Others may
/// write meanwhile: the lock is held only to save a segment.
///
/// Of two that encode, one waits up to `options.wait` for the other to get on; if that one does
/// nothing, it is not waited for any longer.
///
/// # Errors
/// [`IndexError`]; segments that were saved stay.
pub fn encode_missing(
    store: &Store,
    encoders: &Encoders,
    options: &IndexOptions,
    cancel: &AtomicBool,
    on: &(dyn Fn(Event) + Sync),
) -> Result<EncodeReport, IndexError> {
    let start = Instant::now();
    // Without a lock first: mostly there is nothing to do.
    let missing = store.snapshot()?.missing() as usize;
    let mut report = EncodeReport::default();
    if missing > 0 {
        let _claim = claim(store, missing, options, cancel, on)?;
        let text = TextEncoder::open(encoders.profile())?;
        report = with_workers(encoders, options, cancel, |to_workers, from_workers| {
            Run {
                store,
                text,
                options,
                takes_turns: encoders.takes_turns(),
                cancel,
                on,
                to_workers,
                from_workers,
                total: missing.min(options.at_most),
                report: EncodeReport::default(),
                tried: HashSet::new(),
                began: Instant::now(),
            }
            .drive()
        })?;
        tidy(store, report.cancelled)?;
    }
    report.took = start.elapsed();
    Ok(report)
}

/// Waits for another that encodes, as long as it gets on.
fn claim(
    store: &Store,
    total: usize,
    options: &IndexOptions,
    cancel: &AtomicBool,
    on: &(dyn Fn(Event) + Sync),
) -> Result<Option<EncodingClaim>, IndexError> {
    let (mut left, mut since) = (total, Instant::now());
    loop {
        match store.claim_encoding(LOOK.min(options.wait)) {
            Ok(claim) => return Ok(Some(claim)),
            Err(StoreError::Busy { .. }) if !options.wait.is_zero() => {}
            Err(error) => return Err(error.into()),
        }
        if cancel.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let now = store.snapshot()?.missing() as usize;
        if now < left {
            (left, since) = (now, Instant::now());
            let done = total.saturating_sub(left);
            let tokens = 0;
            on(Event::Encoding {
                done,
                total,
                tokens,
            });
        }
        if now == 0 || since.elapsed() >= options.wait {
            return Ok(None);
        }
    }
}

/// Merges small segments; after an interruption only if there are many.
fn tidy(store: &Store, cancelled: bool) -> Result<(), IndexError> {
    if cancelled && store.snapshot()?.segment_count() <= MANY_SEGMENTS {
        return Ok(());
    }
    match store.writer(PATIENCE) {
        Ok(mut writer) => {
            writer.maintain()?;
            Ok(())
        }
        // Whoever writes next may do it.
        Err(StoreError::Busy { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Runs `work` with a way to send batches to encoders, and one to get back what they made.
fn with_workers<T>(
    encoders: &Encoders,
    options: &IndexOptions,
    cancel: &AtomicBool,
    work: impl FnOnce(Sender<Batch>, Receiver<Result<Done, EncoderError>>) -> Result<T, IndexError>,
) -> Result<T, IndexError> {
    let (to_workers, batches) = unbounded::<Batch>();
    let (results, from_workers) = unbounded::<Result<Done, EncoderError>>();
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            let (batches, results) = (batches.clone(), results.clone());
            let encode = move || {
                if options.background {
                    // Not being able to is no reason not to work.
                    let _ = rustix::process::nice(NICENESS);
                }
                encode_batches(encoders, cancel, &batches, &results);
            };
            std::thread::Builder::new()
                .spawn_scoped(scope, encode)
                .map_err(|error| IndexError::Worker(error.to_string()))?;
        }
        drop((batches, results));
        work(to_workers, from_workers)
    })
}

/// Documents of similar length for one worker.
#[derive(Default)]
struct Batch {
    /// For the model of docs, where they have one of their own.
    docs: bool,
    contents: Vec<ContentHash>,
    documents: Vec<Document>,
}

struct Done {
    docs: bool,
    contents: Vec<ContentHash>,
    embeddings: Vec<Embedding>,
    tokens: u64,
}

fn encode_batches(
    encoders: &Encoders,
    cancel: &AtomicBool,
    batches: &Receiver<Batch>,
    results: &Sender<Result<Done, EncoderError>>,
) {
    let mut encoder = None;
    for batch in batches {
        let opened = match encoder.take() {
            Some(encoder) => Ok(encoder),
            None => encoders.take(),
        };
        let done = opened.and_then(|mut opened| {
            let done = encode_batch(&mut opened, batch, cancel);
            encoder = Some(opened);
            done
        });
        let failed = done.is_err();
        if results.send(done).is_err() || failed {
            break;
        }
    }
    if let Some(encoder) = encoder {
        encoders.give_back(encoder);
    }
}

/// Encodes a batch, or what there is time for: at least one of its documents.
fn encode_batch(
    encoder: &mut Encoder,
    batch: Batch,
    cancel: &AtomicBool,
) -> Result<Done, EncoderError> {
    let mut done = Done {
        docs: batch.docs,
        contents: batch.contents,
        embeddings: Vec::with_capacity(batch.documents.len()),
        tokens: 0,
    };
    let at_once = match encoder.takes_turns() {
        true => batch.documents.len().max(1),
        false => 1,
    };
    let stop = || cancel.load(Ordering::Relaxed);
    for documents in batch.documents.chunks(at_once) {
        // A document alone is encoded, whatever happens.
        let made = match documents {
            [_] => embed(encoder, documents)?,
            many => embed_until(encoder, many, &stop)?,
        };
        done.tokens += tokens(&documents[..made.len()]);
        done.embeddings.extend(made);
        if stop() {
            break;
        }
    }
    done.contents.truncate(done.embeddings.len());
    Ok(done)
}

/// Embeddings of `documents` as they are stored: with token vectors pooled, if the model's profile
/// says so.
///
/// # Errors
/// If the model fails on them.
pub fn embed(
    encoder: &mut Encoder,
    documents: &[Document],
) -> Result<Vec<Embedding>, EncoderError> {
    embed_until(encoder, documents, &|| false)
}

/// [`embed`] until told to stop: those of the first documents.
fn embed_until(
    encoder: &mut Encoder,
    documents: &[Document],
    stop: &dyn Fn() -> bool,
) -> Result<Vec<Embedding>, EncoderError> {
    let mut embeddings = encoder.encode_until(documents, stop)?;
    let profile = encoder.profile();
    for (document, Embedding { tokens, .. }) in documents.iter().zip(&mut embeddings) {
        let of_docs = profile.docs().filter(|_| document.docs);
        let factor = of_docs.unwrap_or(profile).token_pooling();
        if factor > 1 {
            let dim = tokens.dim();
            *tokens = TokenMatrix::new(dim, pool(tokens.as_slice(), dim, factor));
        }
    }
    Ok(embeddings)
}

fn tokens(documents: &[Document]) -> u64 {
    documents.iter().map(|doc| doc.ids.len() as u64).sum()
}

/// Batches of `most` tokens and a document at most.
fn batches(documents: Vec<(ContentHash, Document)>, most: usize) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut batch = Batch::default();
    let mut tokens = 0;
    for (content, document) in documents {
        if tokens >= most || (tokens > 0 && document.docs != batch.docs) {
            batches.push(std::mem::take(&mut batch));
            tokens = 0;
        }
        batch.docs = document.docs;
        tokens += document.ids.len();
        batch.contents.push(content);
        batch.documents.push(document);
    }
    if !batch.contents.is_empty() {
        batches.push(batch);
    }
    batches
}

/// Leaves the docs for later while code is missing: their model is another.
fn code_first(snapshot: &Snapshot, missing: &mut Vec<ChunkId>) -> Result<(), StoreError> {
    let code = snapshot.select(&|head| Collection::of(head.kind) == Collection::Main)?;
    if missing.iter().any(|&chunk| code.contains(chunk)) && snapshot.has_docs() {
        missing.retain(|&chunk| code.contains(chunk));
    }
    Ok(())
}

/// The error of a worker, once all of them have ended: none takes a batch any more, so none sends a result either.
fn why_they_ended(from_workers: &Receiver<Result<Done, EncoderError>>) -> IndexError {
    from_workers.iter().find_map(Result::err).map_or_else(
        || IndexError::Worker("it ended early".to_string()),
        IndexError::from,
    )
}

/// One encoding run, seen from the thread that saves.
struct Run<'a> {
    store: &'a Store,
    text: TextEncoder,
    options: &'a IndexOptions,
    takes_turns: bool,
    cancel: &'a AtomicBool,
    on: &'a (dyn Fn(Event) + Sync),
    to_workers: Sender<Batch>,
    from_workers: Receiver<Result<Done, EncoderError>>,
    total: usize,
    report: EncodeReport,
    /// Chunks that were taken. One that is still missing then will stay so.
    tried: HashSet<ChunkId>,
    began: Instant,
}

impl Run<'_> {
    /// Segment by segment, each for what is missing by then.
    fn drive(mut self) -> Result<EncodeReport, IndexError> {
        loop {
            let snapshot = self.store.snapshot()?;
            let mut missing = snapshot.missing_chunks();
            missing.retain(|chunk| !self.tried.contains(chunk));
            self.report.left = missing.len();
            if self.takes_turns {
                code_first(&snapshot, &mut missing)?;
            }
            let allowed = self.options.at_most.saturating_sub(self.report.encoded);
            let count = self.segment_size().min(allowed);
            missing.drain(..missing.len().saturating_sub(count));
            self.report.cancelled |= !missing.is_empty() && self.is_cancelled();
            if missing.is_empty() || self.report.cancelled {
                return Ok(self.report);
            }
            let before = self.report.encoded;
            self.total = self.total.max(self.report.encoded + missing.len());
            let done = self.encode(&snapshot, &missing)?;
            // Those who write need not keep what this generation had.
            drop(snapshot);
            self.save(&done)?;
            let encoded = self.report.encoded - before;
            if encoded < missing.len() {
                self.report.left -= encoded;
                self.report.cancelled = true;
                return Ok(self.report);
            }
            self.tried.extend(missing);
        }
    }

    /// Encodes chunks, or as many as there is time for.
    fn encode(&mut self, snapshot: &Snapshot, chunks: &[ChunkId]) -> Result<Vec<Done>, IndexError> {
        let documents = self.documents(snapshot, chunks)?;
        let share = match self.takes_turns {
            true => {
                documents
                    .iter()
                    .map(|(_, doc)| doc.ids.len())
                    .sum::<usize>()
                    / self.options.threads.max(1)
            }
            false => 0,
        };
        let mut waiting = batches(documents, share.max(BATCH_TOKENS)).into_iter();
        let (mut running, mut all) = (0, Vec::new());
        loop {
            // A batch in hand for each worker, beside the one it is at.
            while running < 2 * self.options.threads.max(1) && !self.is_cancelled() {
                let Some(batch) = waiting.next() else { break };
                let sent = self.to_workers.send(batch);
                sent.map_err(|_| why_they_ended(&self.from_workers))?;
                running += 1;
            }
            if running == 0 {
                return Ok(all);
            }
            let done = self.from_workers.recv();
            let done = done.map_err(|_| IndexError::Worker("it ended early".to_string()))??;
            running -= 1;
            self.count(&done);
            all.push(done);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// What the encoder is given for chunks: code, then docs where they have a model of their own;
    /// longest first.
    fn documents(
        &self,
        snapshot: &Snapshot,
        chunks: &[ChunkId],
    ) -> Result<Vec<(ContentHash, Document)>, IndexError> {
        let mut documents = Vec::with_capacity(chunks.len());
        // Text of the file that the last chunk was from.
        let mut last: Option<(FileId, Vec<u8>)> = None;
        for row in snapshot.chunks(chunks)? {
            let text = match last.take() {
                Some((file, text)) if file == row.file => text,
                _ => snapshot.text(row.file)?,
            };
            let document = document::document_for(&self.text, &row, &text);
            documents.push((row.record.content, document));
            last = Some((row.file, text));
        }
        documents
            .sort_by_key(|(_, document)| (document.docs, std::cmp::Reverse(document.ids.len())));
        Ok(documents)
    }

    /// Documents that take about as long as one segment may.
    fn segment_size(&self) -> usize {
        let seconds = self.began.elapsed().as_secs_f64();
        if self.report.encoded == 0 || seconds < 0.5 {
            return FIRST_SEGMENT;
        }
        let mut segment = match self.options.background {
            true => BACKGROUND_SEGMENT,
            false => SEGMENT,
        };
        if self.takes_turns {
            segment *= IN_TURN;
        }
        let speed = self.report.encoded as f64 / seconds;
        ((speed * segment.as_secs_f64()) as usize).clamp(FIRST_SEGMENT, LARGEST_SEGMENT)
    }

    fn count(&mut self, done: &Done) {
        self.report.encoded += done.contents.len();
        self.report.tokens += done.tokens;
        (self.on)(Event::Encoding {
            done: self.report.encoded,
            total: self.total,
            tokens: self.report.tokens,
        });
    }

    /// Makes what was encoded durable. The lock is held only to write it.
    fn save(&self, done: &[Done]) -> Result<(), IndexError> {
        if done.iter().all(|done| done.contents.is_empty()) {
            return Ok(());
        }
        for (collection, docs) in [(Collection::Main, false), (Collection::Docs, true)] {
            self.save_collection(collection, done.iter().filter(|done| done.docs == docs))?;
        }
        (self.on)(Event::Saved {
            done: self.report.encoded,
        });
        Ok(())
    }

    fn save_collection<'d>(
        &self,
        collection: Collection,
        done: impl Iterator<Item = &'d Done>,
    ) -> Result<(), IndexError> {
        let encodings: Vec<Encoding<'_>> = done
            .flat_map(|done| done.contents.iter().zip(&done.embeddings))
            .map(|(content, embedding)| Encoding {
                content: *content,
                tokens: embedding.tokens.as_slice(),
                dense: &embedding.dense,
            })
            .collect();
        if encodings.is_empty() {
            return Ok(());
        }
        let prepared = self.store.prepare(collection, &encodings)?;
        Ok(self.store.writer(PATIENCE)?.add_prepared(&prepared)?)
    }
}
