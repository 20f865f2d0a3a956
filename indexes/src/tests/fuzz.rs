//! The fuzzing corpus, replayed and mutated a few thousand times, always the same way.

use std::path::PathBuf;

use crate::codebook::Codebook;
use crate::fuzzing;
use crate::segment::fuzzing as segments;
use crate::segment::{Layout, NamedCodebook, Prepared, write};
use crate::storage::{MemoryStorage, Storage};
use crate::{ContentHash, Encoding};

const MUTATIONS: usize = 4000;

type Target = fn(&[u8]) -> bool;

const TARGETS: [(&str, Target); 3] = [
    ("segment", fuzzing::segment),
    ("codebook", fuzzing::codebook_file),
    ("npy", fuzzing::npy),
];

fn folder(target: &str) -> PathBuf {
    let fuzz = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    fuzz.join(target)
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder(target)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % n.max(1) as u64) as usize
    }

    /// A few changed bytes and numbers, mostly near the end, where footers are; or a cut.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..1 + self.below(4) {
            let near_end = bytes.len().saturating_sub(1 + self.below(480));
            let anywhere = self.below(bytes.len());
            let at = [near_end, anywhere][self.below(2)];
            let numbers = [0, 1, 0x7f, 0x80, 0xff, self.below(256)];
            match (self.below(8), bytes.get_mut(at)) {
                (0, _) => bytes.truncate(at),
                (1, _) => bytes.extend(vec![0; 1 + self.below(70)]),
                (2, Some(_)) => bytes[at..].iter_mut().take(8).for_each(|byte| *byte = 0xff),
                (_, Some(byte)) => *byte = numbers[self.below(numbers.len())] as u8,
                _ => {}
            }
        }
    }
}

#[test]
fn the_corpus_and_its_mutations_never_panic() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        let mut random = Random(name.len() as u64);
        assert!(
            corpus.iter().any(|bytes| target(bytes)),
            "no file of `fuzz/corpus/{name}` is sound: write them again with `write_corpus`"
        );
        let mut taken = 0;
        for n in 0..MUTATIONS {
            let mut bytes = corpus[n % corpus.len()].clone();
            random.mutate(&mut bytes);
            taken += usize::from(target(&bytes));
        }
        assert!(taken > 0, "{name}: no mutation gets past the header");
    }
}

/// Run with `--run-ignored all` after a change of a format.
#[test]
#[ignore = "writes into the source tree"]
fn write_corpus() {
    let save = |target: &str, name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(folder(target)).unwrap();
        std::fs::write(folder(target).join(name), bytes).unwrap();
    };
    let identity = segments::identity();
    let known = NamedCodebook::new(fuzzing::codebook());
    for (name, codebook) in [("coded", Some(&known)), ("int8", None)] {
        let layout = Layout {
            identity: &identity,
            codebook,
        };
        let bytes = segment(layout);
        save("segment", &format!("{name}.seg"), &bytes);
        save("segment", &format!("{name}-cut.seg"), &bytes[64..]);
    }
    save("segment", "empty.seg", &[]);
    save("codebook", "small.bin", &fuzzing::codebook().to_bytes());
    let mut short = fuzzing::codebook().to_bytes();
    short.truncate(60);
    assert!(Codebook::from_bytes(&short).is_err());
    save("codebook", "short.bin", &short);
    for (name, header) in [
        (
            "floats",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }",
        ),
        (
            "overflow",
            "{'descr': '<i8', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
        ),
        (
            "unclosed",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2",
        ),
    ] {
        save("npy", &format!("{name}.npy"), &npy(header));
    }
}

fn segment(layout: Layout<'_>) -> Vec<u8> {
    let rows: Vec<f32> = (0..6 * fuzzing::DIM)
        .map(|n| (n as f32 * 1.7).sin())
        .collect();
    let encodings: Vec<Encoding<'_>> = [0..0, 0..2, 1..4, 2..6]
        .into_iter()
        .map(|tokens: std::ops::Range<usize>| Encoding {
            content: ContentHash::of(&[tokens.start as u8, tokens.end as u8]),
            tokens: &rows[tokens.start * fuzzing::DIM..tokens.end * fuzzing::DIM],
            dense: &rows[..fuzzing::DIM],
        })
        .collect();
    let all: Vec<(u32, usize)> = (0..).zip(0..encodings.len()).collect();
    let storage = MemoryStorage::default();
    let prepared = Prepared::new(crate::Collection::Main, layout, &encodings);
    write(&storage, 1, layout, &prepared.parts(&all)).unwrap();
    storage.open("segments/1.seg").unwrap().to_vec()
}

/// A NumPy file of version 1 with six numbers of four bytes.
fn npy(header: &str) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let length = (header.len() + 11).next_multiple_of(64) - 10;
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{header:<width$}\n", width = length - 1).bytes());
    bytes.extend([0; 24]);
    bytes
}
