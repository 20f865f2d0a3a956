//! An approximate index of dense vectors by faiss, for stores too large to scan.
//!
//! It only proposes candidates: what it returns is scored again from the stored vectors, and
//! what was added after it was built is scanned. It is derived data under a stamp with a
//! checksum; when that is missing or wrong, the index is as good as absent.
#![allow(unsafe_code)]

use crate::StoreError;
use crate::storage::Storage;
use ::faiss::index::IndexImpl;
use ::faiss::index::autotune::ParameterSpace;
use ::faiss::{Idx, Index, MetricType, index_factory, read_index, write_index};
use std::ffi::c_int;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Up to this many vectors faiss compares with all of them, above with those of some clusters.
const FLAT_UP_TO: usize = 20_000;

/// Clusters visited by a search.
const PROBES: f64 = 64.0;

/// Vectors per cluster that training looks at; faiss asks for 39 at least.
const TRAINING: usize = 64;

/// Vectors handed to faiss at once.
const BLOCK: usize = 8192;

const FOLDER: &str = "dense";
const STAMP: &str = "dense/stamp";

/// Vectors by content id, searched by inner product.
pub struct DenseIndex {
    extent: Extent,
    /// faiss's general index type is not declared safe for concurrent searches.
    index: Mutex<IndexImpl>,
}

/// What an index holds.
#[derive(Clone, Copy, Debug)]
struct Extent {
    dim: usize,
    count: usize,
    end: u32,
}

impl fmt::Debug for DenseIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenseIndex")
            .field("extent", &self.extent)
            .finish_non_exhaustive()
    }
}

impl DenseIndex {
    /// Trains and fills an index with the vectors of `ids`; `vector(at, out)` writes that of
    /// `ids[at]`, `[dim]` and L2-normalised. One thread, and about a minute per million.
    pub fn build(
        ids: &[u32],
        dim: usize,
        vector: &dyn Fn(usize, &mut [f32]),
    ) -> Result<DenseIndex, StoreError> {
        DenseIndex::build_as(&Recipe::of(ids.len()), ids, &Vectors { dim, vector })
            .map_err(|error| failed(FOLDER, &error))
    }

    fn build_as(
        recipe: &Recipe,
        ids: &[u32],
        vectors: &Vectors<'_>,
    ) -> ::faiss::error::Result<DenseIndex> {
        one_thread();
        let dim = vectors.dim;
        let mut index = index_factory(dim as u32, &recipe.name, MetricType::InnerProduct)?;
        recipe.train(&mut index, ids.len(), vectors)?;
        let extent = Extent {
            dim,
            count: 0,
            end: 0,
        };
        let index = Mutex::new(index);
        let mut built = DenseIndex { extent, index };
        built.insert(ids, vectors)?;
        Ok(built)
    }

    /// Adds the vectors of contents that are newer than all in the index.
    pub fn extend(
        &mut self,
        ids: &[u32],
        vector: &dyn Fn(usize, &mut [f32]),
    ) -> Result<(), StoreError> {
        let dim = self.extent.dim;
        self.insert(ids, &Vectors { dim, vector })
            .map_err(|error| failed(FOLDER, &error))
    }

    fn insert(&mut self, ids: &[u32], vectors: &Vectors<'_>) -> ::faiss::error::Result<()> {
        let index = self.index.get_mut().unwrap_or_else(PoisonError::into_inner);
        one_thread();
        for first in (0..ids.len()).step_by(BLOCK) {
            let block = first..ids.len().min(first + BLOCK);
            let label = |&id: &u32| Idx::new(u64::from(id));
            let labels: Vec<Idx> = ids[block.clone()].iter().map(label).collect();
            index.add_with_ids(&vectors.gather(block), &labels)?;
        }
        self.extent.count += ids.len();
        self.extent.end = ids.iter().fold(self.extent.end, |end, &id| end.max(id + 1));
        Ok(())
    }

    /// Number of vectors, those of contents that are gone included.
    pub fn count(&self) -> usize {
        self.extent.count
    }

    /// Contents with this id or a higher one are not in the index.
    pub fn end(&self) -> u32 {
        self.extent.end
    }

    /// About the `n` contents nearest to `query`, `[dim]`, in no order.
    pub fn candidates(&self, query: &[f32], n: usize) -> Result<Vec<u32>, StoreError> {
        if query.len() != self.extent.dim {
            return Err(StoreError::input(
                "dense query",
                format!("{} dimensions instead of {}", query.len(), self.extent.dim),
            ));
        }
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        one_thread();
        let found = index.search(query, n.min(self.extent.count).max(1));
        let labels = found.map_err(|error| failed(FOLDER, &error))?.labels;
        Ok(labels
            .iter()
            .filter_map(|label| u32::try_from(label.get()?).ok())
            .collect())
    }

    /// Writes the index durably as that of `generation`, in place of an older one.
    pub fn save(&self, storage: &dyn Storage, generation: u64) -> Result<(), StoreError> {
        let name = file_name(generation);
        let temporary = format!("{name}.tmp");
        let io = |action, name: &str| {
            let path = storage.locate(name);
            move |error| StoreError::io(action, path, error)
        };
        remove(storage, &temporary).map_err(io("remove", &temporary))?;
        let mut file = storage
            .create(&temporary)
            .map_err(io("create", &temporary))?;
        self.write(storage, &temporary)?;
        file.sync().map_err(io("sync", &temporary))?;
        let content = storage.open(&temporary).map_err(io("read", &temporary))?;
        let stamp = self.extent.stamp(generation, &content);
        storage
            .rename(&temporary, &name)
            .map_err(io("rename", &temporary))?;
        storage.sync_dir(FOLDER).map_err(io("sync", FOLDER))?;
        storage
            .replace(STAMP, stamp.as_bytes())
            .map_err(io("write", STAMP))?;
        remove_others(storage, &name).map_err(io("clean", FOLDER))
    }

    fn write(&self, storage: &dyn Storage, name: &str) -> Result<(), StoreError> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let path = storage.locate(name);
        let written = write_index(&*index, path.to_string_lossy());
        written.map_err(|error| failed(&path, &error))
    }

    /// The saved index and its generation; `None` if there is none, or one for other vectors,
    /// or it is damaged: only a file that is byte for byte what was saved goes to faiss, which
    /// trusts what it reads.
    pub fn load(storage: &dyn Storage, dim: usize) -> Option<(DenseIndex, u64)> {
        let stamp = storage.open(STAMP).ok()?;
        let (generation, extent) = parse_stamp(std::str::from_utf8(&stamp).ok()?)?;
        let name = file_name(generation);
        let content = storage.open(&name).ok()?;
        if extent.dim != dim || extent.stamp(generation, &content).as_bytes() != &stamp[..] {
            return None;
        }
        let index = read_index(storage.locate(&name).to_string_lossy()).ok()?;
        let index = Mutex::new(index);
        Some((DenseIndex { extent, index }, generation))
    }
}

impl Extent {
    /// The line that vouches for a file: generation, counts, size and hash.
    fn stamp(&self, generation: u64, content: &[u8]) -> String {
        let Extent { dim, count, end } = self;
        let (size, hash) = (content.len(), blake3::hash(content));
        format!("{generation} {dim} {count} {end} {size} {hash} fathom-dense-1\n")
    }
}

fn parse_stamp(stamp: &str) -> Option<(u64, Extent)> {
    let mut numbers = stamp.split(' ');
    let generation = numbers.next()?.parse().ok()?;
    let extent = Extent {
        dim: numbers.next()?.parse().ok()?,
        count: numbers.next()?.parse().ok()?,
        end: numbers.next()?.parse().ok()?,
    };
    Some((generation, extent))
}

/// How faiss is to index a number of vectors.
struct Recipe {
    name: String,
    training: usize,
    probes: Option<f64>,
}

impl Recipe {
    /// Twice the square root of the count is where visiting a fixed number of clusters and
    /// choosing among them cost about the same.
    fn of(count: usize) -> Recipe {
        if count <= FLAT_UP_TO {
            return Recipe {
                name: "IDMap,Flat".to_owned(),
                training: 0,
                probes: None,
            };
        }
        let clusters = 2 * count.isqrt();
        Recipe {
            name: format!("IVF{clusters},Flat"),
            training: count.min(clusters * TRAINING),
            probes: Some(PROBES),
        }
    }

    fn train(
        &self,
        index: &mut IndexImpl,
        count: usize,
        vectors: &Vectors<'_>,
    ) -> ::faiss::error::Result<()> {
        if let Some(probes) = self.probes {
            let sample = (0..self.training).map(|at| at * count / self.training);
            index.train(&vectors.gather(sample))?;
            ParameterSpace::new()?.set_index_parameter(index, "nprobe", probes)?;
        }
        Ok(())
    }
}

/// Where vectors come from.
struct Vectors<'a> {
    dim: usize,
    vector: &'a dyn Fn(usize, &mut [f32]),
}

impl Vectors<'_> {
    fn gather(&self, which: impl ExactSizeIterator<Item = usize>) -> Vec<f32> {
        let mut all = vec![0.0; which.len() * self.dim];
        for (at, out) in which.zip(all.chunks_exact_mut(self.dim)) {
            (self.vector)(at, out);
        }
        all
    }
}

/// Keeps faiss on the calling thread: its OpenMP threads spin, which on a few busy cores costs
/// more than they bring.
fn one_thread() {
    unsafe extern "C" {
        fn omp_set_num_threads(count: c_int);
    }
    // SAFETY: a function of the OpenMP library that faiss is linked with; it takes any positive
    // number and concerns the calling thread only.
    unsafe { omp_set_num_threads(1) }
}

fn failed(path: impl AsRef<Path>, error: &::faiss::error::Error) -> StoreError {
    StoreError::Dense {
        path: path.as_ref().to_path_buf(),
        problem: error.to_string(),
    }
}

fn file_name(generation: u64) -> String {
    format!("{FOLDER}/{generation}.faiss")
}

fn remove_others(storage: &dyn Storage, keep: &str) -> io::Result<()> {
    for file in storage.list(FOLDER)? {
        let name = format!("{FOLDER}/{file}");
        if name != keep && name != STAMP {
            remove(storage, &name)?;
        }
    }
    Ok(())
}

fn remove(storage: &dyn Storage, name: &str) -> io::Result<()> {
    match storage.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::dense::DenseQuery;
    use crate::maxsim::quantize;
    use crate::storage::OsStorage;

    const DIM: usize = 24;

    /// Unit vectors around a few centres.
    fn vectors(count: usize) -> Vec<f32> {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        let centres: Vec<f32> = (0..16 * DIM).map(|_| random()).collect();
        let mut all = Vec::new();
        for at in 0..count {
            let centre = &centres[at % 16 * DIM..][..DIM];
            let row: Vec<f32> = centre.iter().map(|c| c + 0.5 * random()).collect();
            let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            all.extend(row.iter().map(|x| x / norm));
        }
        all
    }

    fn index(recipe: &Recipe, rows: &[f32]) -> DenseIndex {
        let ids: Vec<u32> = (0..(rows.len() / DIM) as u32).map(|at| at * 3).collect();
        let vector = |at: usize, out: &mut [f32]| out.copy_from_slice(&rows[at * DIM..][..DIM]);
        DenseIndex::build_as(
            recipe,
            &ids,
            &Vectors {
                dim: DIM,
                vector: &vector,
            },
        )
        .unwrap()
    }

    fn clusters() -> Recipe {
        Recipe {
            name: "IVF16,Flat".to_owned(),
            training: 1000,
            probes: Some(8.0),
        }
    }

    /// Ids of the best rows by the int8 scan.
    fn scan(rows: &[f32], query: &[f32], n: usize) -> Vec<u32> {
        let (codes, scales) = quantize(rows, DIM);
        let mut scores = vec![0.0; scales.len()];
        DenseQuery::new(query).scores(&codes, &scales, &mut scores);
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        order.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
        order[..n].iter().map(|at| at * 3).collect()
    }

    #[test]
    fn faiss_and_the_scan_agree() {
        let rows = vectors(2000);
        for recipe in [Recipe::of(2000), clusters()] {
            let index = index(&recipe, &rows);
            for query in rows.chunks_exact(DIM).step_by(199) {
                let found = index.candidates(query, 20).unwrap();
                let expected = scan(&rows, query, 10);
                let missed = expected.iter().filter(|id| !found.contains(id)).count();
                assert!(missed <= 1, "{} misses {missed} of 10", recipe.name);
                assert_eq!(found[0], expected[0]);
            }
        }
    }

    #[test]
    fn a_saved_index_is_found_again_and_a_damaged_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let storage = OsStorage::create(folder.path()).unwrap();
        let rows = vectors(2000);
        assert!(DenseIndex::load(&storage, DIM).is_none());
        let mut index = index(&clusters(), &rows);
        index.save(&storage, 4).unwrap();
        index
            .extend(&[9000], &|_, out| out.copy_from_slice(&rows[..DIM]))
            .unwrap();
        index.save(&storage, 5).unwrap();
        assert_eq!(storage.list("dense").unwrap(), ["5.faiss", "stamp"]);
        assert!(DenseIndex::load(&storage, DIM + 1).is_none());
        let (loaded, generation) = DenseIndex::load(&storage, DIM).unwrap();
        assert_eq!((loaded.count(), loaded.end(), generation), (2001, 9001, 5));
        let found = loaded.candidates(&rows[..DIM], 5).unwrap();
        assert_eq!(found, index.candidates(&rows[..DIM], 5).unwrap());
        assert!(found.contains(&9000) && found.contains(&0));

        let mut content = storage.open("dense/5.faiss").unwrap().to_vec();
        content[40] ^= 1;
        storage.replace("dense/5.faiss", &content).unwrap();
        assert!(DenseIndex::load(&storage, DIM).is_none());
    }

    #[test]
    fn a_query_of_another_shape_is_refused() {
        let index = index(&Recipe::of(10), &vectors(10));
        assert!(index.candidates(&[0.0; 3], 1).is_err());
        assert_eq!(index.candidates(&[0.0; DIM], 100).unwrap().len(), 10);
    }
}
