//! Encoding what has no encoding yet: one session per thread, batches of similar
//! length, one durable segment every few seconds.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use fathom_encoders::{Document, Embedding, Encoder, EncoderError, TextEncoder, TokenMatrix};
use fathom_indexes::late::pool;
use fathom_indexes::{ChunkId, ContentHash, Encoding, FileId, Snapshot, Store, Writer};

use super::{EncodeReport, Encoders, Event, IndexError, IndexOptions};
use crate::document;

/// What an interruption may lose, in time.
const SEGMENT: Duration = Duration::from_secs(8);
/// Documents of the first segment; later ones follow from the speed.
const FIRST_SEGMENT: usize = 128;
const LARGEST_SEGMENT: usize = 2048;
/// Tokens that a worker gets at once.
const BATCH_TOKENS: usize = 4096;

/// Encodes every distinct chunk of `store` that has no encoding, then lets the
/// store tidy up. Each segment is durable when [`Event::Saved`] says so.
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
    // Without the lock first: mostly there is nothing to do.
    if store.snapshot()?.missing() == 0 {
        return Ok(EncodeReport {
            took: start.elapsed(),
            ..EncodeReport::default()
        });
    }
    let mut writer = store.writer(options.wait)?;
    let missing = writer.missing()?;
    let snapshot = writer.snapshot()?;
    let threads = options.threads.clamp(1, missing.len().max(1));
    let queue = Queue {
        text: TextEncoder::open(encoders.profile())?,
        snapshot,
        missing,
        next: 0,
        file: None,
    };
    let (to_workers, work) = unbounded::<Batch>();
    let (results, from_workers) = unbounded::<Result<Done, EncoderError>>();
    let mut report = std::thread::scope(|scope| {
        for _ in 0..threads {
            let (work, results) = (work.clone(), results.clone());
            std::thread::Builder::new()
                .spawn_scoped(scope, move || encode_batches(encoders, &work, &results))
                .map_err(|error| IndexError::Worker(error.to_string()))?;
        }
        drop((work, results));
        Run {
            queue,
            writer: &mut writer,
            cancel,
            on,
            threads,
            report: EncodeReport::default(),
            saved: 0,
        }
        .drive(to_workers, &from_workers)
    })?;
    if !report.cancelled {
        writer.maintain()?;
    }
    report.took = start.elapsed();
    Ok(report)
}

/// Documents of similar length for one worker.
struct Batch {
    contents: Vec<ContentHash>,
    documents: Vec<Document>,
}

struct Done {
    contents: Vec<ContentHash>,
    embeddings: Vec<Embedding>,
    tokens: u64,
}

fn encode_batches(
    encoders: &Encoders,
    work: &Receiver<Batch>,
    results: &Sender<Result<Done, EncoderError>>,
) {
    let mut encoder = match encoders.take() {
        Ok(encoder) => encoder,
        Err(error) => return drop(results.send(Err(error))),
    };
    for batch in work {
        let tokens = batch
            .documents
            .iter()
            .map(|document| document.ids.len() as u64)
            .sum();
        let done = embed(&mut encoder, &batch.documents);
        let done = done.map(|embeddings| Done {
            contents: batch.contents,
            embeddings,
            tokens,
        });
        if results.send(done).is_err() {
            break;
        }
    }
    encoders.give_back(encoder);
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
    let mut embeddings = encoder.encode_documents(documents)?;
    let factor = encoder.profile().token_pooling();
    if factor > 1 {
        for Embedding { tokens, .. } in &mut embeddings {
            let dim = tokens.dim();
            *tokens = TokenMatrix::new(dim, pool(tokens.as_slice(), dim, factor));
        }
    }
    Ok(embeddings)
}

/// The chunks still to be encoded, in the order of their files.
struct Queue {
    text: TextEncoder,
    snapshot: Snapshot,
    missing: Vec<ChunkId>,
    next: usize,
    /// Text of the file that the last chunk was from.
    file: Option<(FileId, Vec<u8>)>,
}

impl Queue {
    /// The next documents as batches, longest first; empty at the end.
    fn take(&mut self, count: usize) -> Result<Vec<Batch>, IndexError> {
        let end = (self.next + count).min(self.missing.len());
        let ids = self.missing[self.next..end].to_vec();
        self.next = end;
        let mut documents = Vec::with_capacity(ids.len());
        for row in self.snapshot.chunks(&ids)? {
            let file_text = self.text_of(row.file)?;
            documents.push((
                row.record.content,
                document::document_for(&self.text, &row, &file_text),
            ));
            self.file = Some((row.file, file_text));
        }
        documents.sort_by_key(|(_, document)| std::cmp::Reverse(document.ids.len()));
        Ok(batches(documents))
    }

    /// Text of a file; the last one is kept at hand.
    fn text_of(&mut self, file: FileId) -> Result<Vec<u8>, IndexError> {
        match self.file.take() {
            Some((last, text)) if last == file => Ok(text),
            _ => Ok(self.snapshot.text(file)?),
        }
    }
}

fn batches(documents: Vec<(ContentHash, Document)>) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut batch = Batch {
        contents: Vec::new(),
        documents: Vec::new(),
    };
    let mut tokens = 0;
    for (content, document) in documents {
        tokens += document.ids.len();
        batch.contents.push(content);
        batch.documents.push(document);
        if tokens >= BATCH_TOKENS {
            batches.push(std::mem::replace(
                &mut batch,
                Batch {
                    contents: Vec::new(),
                    documents: Vec::new(),
                },
            ));
            tokens = 0;
        }
    }
    if !batch.contents.is_empty() {
        batches.push(batch);
    }
    batches
}

/// The error of a worker, once all of them have ended: none takes a batch any more, so none sends a result either.
fn why_they_ended(from_workers: &Receiver<Result<Done, EncoderError>>) -> IndexError {
    from_workers.iter().find_map(Result::err).map_or_else(
        || IndexError::Worker("it ended early".to_string()),
        IndexError::from,
    )
}

/// One encoding run, seen from the thread that owns the writer.
struct Run<'a> {
    queue: Queue,
    writer: &'a mut Writer,
    cancel: &'a AtomicBool,
    on: &'a (dyn Fn(Event) + Sync),
    threads: usize,
    report: EncodeReport,
    saved: usize,
}

impl Run<'_> {
    /// Keeps the workers supplied and saves what they return.
    fn drive(
        mut self,
        to_workers: Sender<Batch>,
        from_workers: &Receiver<Result<Done, EncoderError>>,
    ) -> Result<EncodeReport, IndexError> {
        let start = Instant::now();
        let mut waiting: VecDeque<Batch> = VecDeque::new();
        let mut unsaved: Vec<Done> = Vec::new();
        let (mut running, mut last_save) = (0, Instant::now());
        loop {
            self.report.cancelled |= self.cancel.load(Ordering::Relaxed);
            // A batch in hand for each worker, beside the one it is at.
            while !self.report.cancelled && running < 2 * self.threads {
                if waiting.is_empty() {
                    waiting.extend(self.queue.take(self.segment_size(start))?);
                }
                let Some(batch) = waiting.pop_front() else {
                    break;
                };
                to_workers
                    .send(batch)
                    .map_err(|_| why_they_ended(from_workers))?;
                running += 1;
            }
            if running == 0 {
                break;
            }
            let done = from_workers
                .recv()
                .map_err(|_| IndexError::Worker("it ended early".to_string()))??;
            running -= 1;
            self.count(&done);
            unsaved.push(done);
            if last_save.elapsed() >= SEGMENT {
                self.save(&mut unsaved)?;
                last_save = Instant::now();
            }
        }
        self.save(&mut unsaved)?;
        self.report.left = self.queue.missing.len() - self.report.encoded;
        Ok(self.report)
    }

    /// Documents that take about as long as one segment may.
    fn segment_size(&self, start: Instant) -> usize {
        let seconds = start.elapsed().as_secs_f64();
        if self.report.encoded == 0 || seconds < 0.5 {
            return FIRST_SEGMENT;
        }
        let speed = self.report.encoded as f64 / seconds;
        ((speed * SEGMENT.as_secs_f64()) as usize).clamp(FIRST_SEGMENT, LARGEST_SEGMENT)
    }

    fn count(&mut self, done: &Done) {
        self.report.encoded += done.contents.len();
        self.report.tokens += done.tokens;
        let (done, total, tokens) = (
            self.report.encoded,
            self.queue.missing.len(),
            self.report.tokens,
        );
        (self.on)(Event::Encoding {
            done,
            total,
            tokens,
        });
    }

    fn save(&mut self, unsaved: &mut Vec<Done>) -> Result<(), IndexError> {
        let encodings: Vec<Encoding<'_>> = unsaved
            .iter()
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
        self.writer.add_encodings(&encodings)?;
        self.saved += encodings.len();
        unsaved.clear();
        (self.on)(Event::Saved { done: self.saved });
        Ok(())
    }
}
