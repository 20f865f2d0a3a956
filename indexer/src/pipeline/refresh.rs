//! Files, chunks, symbols and words: walk, plan, read and cut in parallel, one commit.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use fathom_encoders::TextEncoder;
use fathom_indexes::{
    ChunkRecord, Collection, ContentHash, FileRecord, FileRow, FileStat, NewFile, SkipReason,
    SkipRecord, Snapshot, Store, Update,
};

use super::{Event, IndexError, IndexOptions, RefreshReport};
use crate::chunk::{Chunk, ParsedFile, language_of, parse_file};
use crate::document;
use crate::plan::{self, Known, Plan};
use crate::source::{self, Reading};
use crate::walk::{self, Walk, WalkEntry};

/// Changes whenever the same file would be cut differently: everything is cut again then.
const CHUNKER: &str = "3";
/// Stack of a worker: some grammars recurse.
const STACK: usize = 16 << 20;
/// Files that may wait for the writer; each is at most as large as the walk's limit.
const WINDOW: usize = 64;

/// Brings files, chunks, symbols and the lexical index of `store` up to date with
/// the tree under `root`. Nothing is written when nothing changed.
///
/// # Errors
/// [`IndexError`]; the store is then as it was.
pub fn refresh(
    root: &Path,
    store: &Store,
    text: &TextEncoder,
    options: &IndexOptions,
    cancel: &AtomicBool,
    on: &(dyn Fn(Event) + Sync),
) -> Result<RefreshReport, IndexError> {
    let start = Instant::now();
    let tree = walk::walk(root, &options.walk).map_err(|source| IndexError::Root {
        path: root.to_path_buf(),
        source,
    })?;
    on(Event::Walked {
        files: tree.entries.len(),
    });
    let job = Job {
        root,
        text,
        options,
        cancel,
        on,
    };
    let mut report = job.bring_up_to_date(store, &tree)?;
    report.folders = tree.folders;
    report.took = start.elapsed();
    on(Event::LexicalReady {
        generation: report.generation,
        took: report.took,
    });
    Ok(report)
}

struct Job<'a> {
    root: &'a Path,
    text: &'a TextEncoder,
    options: &'a IndexOptions,
    cancel: &'a AtomicBool,
    on: &'a (dyn Fn(Event) + Sync),
}

/// The stored side of a plan.
struct Catalog {
    files: Vec<Known>,
    skipped: Vec<SkipRecord>,
    generation: u64,
    /// Cut by another version: every file is to be cut again.
    outdated: bool,
}

impl Catalog {
    fn of(snapshot: &Snapshot) -> Result<Catalog, IndexError> {
        Ok(Catalog {
            files: snapshot.files()?.into_iter().map(known).collect(),
            skipped: snapshot.skipped()?,
            generation: snapshot.generation(),
            outdated: snapshot
                .meta("chunker")
                .is_some_and(|version| version != CHUNKER),
        })
    }
}

fn known(row: FileRow) -> Known {
    let FileRecord {
        path,
        stat,
        hash,
        racy,
        ..
    } = row.record;
    Known {
        path,
        stat,
        hash,
        racy,
        unreadable: row.unreadable,
    }
}

impl Job<'_> {
    fn bring_up_to_date(&self, store: &Store, tree: &Walk) -> Result<RefreshReport, IndexError> {
        let catalog = Catalog::of(&store.snapshot()?)?;
        let plan = self.plan(&catalog, tree)?;
        if plan.is_empty() && plan.skip == catalog.skipped && !catalog.outdated {
            return Ok(report(&plan, catalog.generation));
        }
        let mut writer = store.writer(self.options.wait)?;
        // Another writer may have been here in the meantime.
        let (catalog, plan) = match writer.generation() == catalog.generation {
            true => (catalog, plan),
            false => {
                let newer = Catalog::of(&writer.snapshot()?)?;
                let plan = self.plan(&newer, tree)?;
                (newer, plan)
            }
        };
        let mut update = writer.begin()?;
        let mut report = self.apply(&catalog, plan, &mut update)?;
        update.set_meta("chunker", CHUNKER)?;
        report.generation = update.commit()?;
        writer.maintain_words()?;
        Ok(report)
    }

    fn plan(&self, catalog: &Catalog, tree: &Walk) -> Result<Plan, IndexError> {
        let hash = |entry: &WalkEntry| match self.read(&entry.path) {
            Reading::Text { hash, .. } => Some(hash),
            _ => None,
        };
        let force = self.options.force || catalog.outdated;
        plan::plan(&catalog.files, &catalog.skipped, tree, &hash, force).map_err(|refused| {
            IndexError::TooManyGone {
                dropped: refused.dropped,
                known: refused.known,
                unlisted: walk::display(&refused.unlisted),
            }
        })
    }

    fn read(&self, path: &[u8]) -> Reading {
        source::read(self.root, path, self.options.walk.max_file_bytes)
    }

    fn apply(
        &self,
        catalog: &Catalog,
        plan: Plan,
        update: &mut Update<'_>,
    ) -> Result<RefreshReport, IndexError> {
        let mut report = report(&plan, 0);
        for path in &plan.delete {
            update.remove_file(path)?;
        }
        let mut add = plan.add;
        for (from, to) in plan.rename {
            if document::PATH_IN_HEADER {
                update.remove_file(&from)?;
                add.push(to);
            } else {
                update.rename_file(&from, &to.path, to.stat)?;
            }
        }
        for (path, detail) in &plan.keep {
            update.set_unreadable(path, detail)?;
        }
        let mut skipped = plan.skip;
        let tasks = tasks(catalog, add, plan.verify);
        self.process(&tasks, |task, outcome| {
            settle(update, task, outcome, &mut report, &mut skipped)
        })?;
        skipped.sort_by(|a, b| a.path.cmp(&b.path));
        report.skipped = skipped.len();
        update.set_skipped(&skipped)?;
        Ok(report)
    }

    /// Reads and cuts the files of `tasks` on worker threads and hands the outcomes
    /// over in order, so that the same tree always gives the same store.
    fn process(
        &self,
        tasks: &[Task],
        mut settle: impl FnMut(&Task, Outcome) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let (to_workers, work) = bounded::<usize>(WINDOW);
        let (results, from_workers) = bounded::<(usize, Outcome)>(WINDOW);
        std::thread::scope(|scope| {
            for _ in 0..self.options.threads.clamp(1, tasks.len().max(1)) {
                let (work, results) = (work.clone(), results.clone());
                std::thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, move || self.work(tasks, &work, &results))
                    .map_err(|error| IndexError::Worker(error.to_string()))?;
            }
            drop((work, results));
            self.hand_over(tasks, to_workers, &from_workers, &mut settle)
        })
    }

    fn work(&self, tasks: &[Task], work: &Receiver<usize>, results: &Sender<(usize, Outcome)>) {
        for index in work {
            let outcome = catch_unwind(AssertUnwindSafe(|| self.look_at(&tasks[index])))
                .unwrap_or_else(|panic| Outcome::Failed(panic_message(&*panic)));
            if results.send((index, outcome)).is_err() {
                return;
            }
        }
    }

    fn hand_over(
        &self,
        tasks: &[Task],
        to_workers: Sender<usize>,
        from_workers: &Receiver<(usize, Outcome)>,
        settle: &mut dyn FnMut(&Task, Outcome) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let mut early: BTreeMap<usize, Outcome> = BTreeMap::new();
        let (mut sent, mut done) = (0, 0);
        while done < tasks.len() {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(IndexError::Cancelled);
            }
            while sent < tasks.len().min(done + WINDOW) {
                to_workers.send(sent).map_err(|_| worker_died())?;
                sent += 1;
            }
            let (index, outcome) = from_workers.recv().map_err(|_| worker_died())?;
            early.insert(index, outcome);
            while let Some(outcome) = early.remove(&done) {
                settle(&tasks[done], outcome)?;
                done += 1;
            }
            (self.on)(Event::Lexical {
                done,
                total: tasks.len(),
            });
        }
        Ok(())
    }

    fn look_at(&self, task: &Task) -> Outcome {
        #[cfg(test)]
        assert!(!task.path.ends_with(b"/faulty.rs"), "a fault of the tests");
        let unless = if self.options.force || task.recut {
            None
        } else {
            task.known
        };
        match self.read(&task.path) {
            Reading::Text {
                hash, stat, racy, ..
            } if Some(hash) == unless => Outcome::Same { stat, racy },
            Reading::Text {
                text,
                hash,
                stat,
                racy,
            } => self.cut(task, text, hash, stat, racy),
            Reading::Skip {
                verdict: (reason, detail),
                stat,
            } => Outcome::Skip {
                reason,
                detail,
                stat,
            },
            Reading::Unreadable(detail) => Outcome::Failed(detail),
            Reading::Gone => Outcome::Gone,
        }
    }

    fn cut(
        &self,
        task: &Task,
        text: Vec<u8>,
        hash: ContentHash,
        stat: FileStat,
        racy: bool,
    ) -> Outcome {
        let counter = match Collection::of(language_of(&task.path, &text).loose) {
            Collection::Main => self.text,
            Collection::Docs => self.text.for_docs(),
        };
        let count = |line: &str| counter.ids(line).len();
        let parsed = parse_file(&task.path, &text, &count, &self.options.chunk);
        let chunks = parsed
            .chunks
            .iter()
            .map(|chunk| self.record(&task.path, chunk, &text))
            .collect();
        Outcome::Cut(Box::new(Cut {
            text,
            hash,
            stat,
            racy,
            chunks,
            parsed,
        }))
    }

    fn record(&self, path: &[u8], chunk: &Chunk, text: &[u8]) -> ChunkRecord {
        let mut record = document::record(chunk);
        record.content =
            document::content_hash(&document::document(self.text, path, &record, text));
        record
    }
}

fn report(plan: &Plan, generation: u64) -> RefreshReport {
    RefreshReport {
        generation,
        renamed: plan.rename.len(),
        removed: plan.delete.len(),
        unreadable: plan.keep.len(),
        unchanged: plan.unchanged,
        skipped: plan.skip.len(),
        ..RefreshReport::default()
    }
}

fn worker_died() -> IndexError {
    IndexError::Worker("it ended early".to_string())
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!(
        "internal error: {}",
        message.unwrap_or_else(|| "panic".to_string())
    )
}

/// A file to be read.
struct Task {
    path: Vec<u8>,
    /// Hash of what the catalog has.
    known: Option<ContentHash>,
    /// Cut it even if it is the same.
    recut: bool,
}

fn tasks(catalog: &Catalog, add: Vec<WalkEntry>, verify: Vec<WalkEntry>) -> Vec<Task> {
    let hashes: std::collections::HashMap<&[u8], ContentHash> = catalog
        .files
        .iter()
        .map(|file| (file.path.as_slice(), file.hash))
        .collect();
    let task = |entry: WalkEntry| {
        let known = hashes.get(entry.path.as_slice()).copied();
        Task {
            path: entry.path,
            known,
            recut: catalog.outdated,
        }
    };
    let mut tasks: Vec<Task> = add.into_iter().chain(verify).map(task).collect();
    tasks.sort_by(|a, b| a.path.cmp(&b.path));
    tasks
}

/// What looking at a file came to.
enum Outcome {
    Same {
        stat: FileStat,
        racy: bool,
    },
    Cut(Box<Cut>),
    Skip {
        reason: SkipReason,
        detail: String,
        stat: FileStat,
    },
    Failed(String),
    Gone,
}

struct Cut {
    text: Vec<u8>,
    hash: ContentHash,
    stat: FileStat,
    racy: bool,
    chunks: Vec<ChunkRecord>,
    parsed: ParsedFile,
}

fn settle(
    update: &mut Update<'_>,
    task: &Task,
    outcome: Outcome,
    report: &mut RefreshReport,
    skipped: &mut Vec<SkipRecord>,
) -> Result<(), IndexError> {
    let known = task.known.is_some();
    match outcome {
        Outcome::Same { stat, racy } => {
            update.touch(&task.path, stat, racy)?;
            report.touched += 1;
        }
        Outcome::Cut(cut) => {
            put(update, task, *cut)?;
            *(if known {
                &mut report.changed
            } else {
                &mut report.added
            }) += 1;
        }
        Outcome::Failed(detail) if known => {
            update.set_unreadable(&task.path, &detail)?;
            report.unreadable += 1;
        }
        Outcome::Failed(detail) => skipped.push(skip(task, SkipReason::Unreadable, detail, None)),
        Outcome::Skip {
            reason,
            detail,
            stat,
        } => {
            remove_known(update, task, report)?;
            skipped.push(skip(task, reason, detail, Some(stat)));
        }
        Outcome::Gone => remove_known(update, task, report)?,
    }
    Ok(())
}

fn skip(task: &Task, reason: SkipReason, detail: String, stat: Option<FileStat>) -> SkipRecord {
    SkipRecord {
        path: task.path.clone(),
        reason,
        detail,
        stat,
    }
}

fn remove_known(
    update: &mut Update<'_>,
    task: &Task,
    report: &mut RefreshReport,
) -> Result<(), IndexError> {
    if task.known.is_some() {
        update.remove_file(&task.path)?;
        report.removed += 1;
    }
    Ok(())
}

fn put(update: &mut Update<'_>, task: &Task, cut: Cut) -> Result<(), IndexError> {
    let Cut {
        text,
        hash,
        stat,
        racy,
        chunks,
        parsed,
    } = cut;
    update.put_file(&NewFile {
        record: FileRecord {
            path: task.path.clone(),
            stat,
            hash,
            racy,
            language: parsed.language.name.to_string(),
            lossy: parsed.lossy,
            note: parsed.note,
            generated: parsed.generated,
            lines: parsed.lines,
        },
        text: &text,
        chunks,
        symbols: parsed.symbols,
        references: parsed.references,
    })?;
    Ok(())
}
