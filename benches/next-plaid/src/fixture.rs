//! A small index for fathom's tests, written and searched by next-plaid.

use std::fs;
use std::path::Path;

use ndarray::{Array1, Array2, Axis, concatenate};
use ndarray_npy::write_npy;
use next_plaid::index::create_index_files;
use next_plaid::{ComputeKmeansConfig, IndexConfig, MmapIndex, SearchParameters, compute_kmeans};
use serde_json::{Value, json};

const DIM: usize = 32;
const DOCUMENTS: usize = 40;
const QUERIES: usize = 12;
const CENTROIDS: usize = 32;

/// Writes the index, the queries (`queries.npy`, eight tokens each) and what next-plaid answers
/// (`expected.json`) into `folder`, without the copies that next-plaid merges for itself.
pub fn write(folder: &Path, nbits: usize) -> anyhow::Result<Value> {
    let mut random = Random(7 + nbits as u64);
    let topics = random.unit_rows(24);
    let documents: Vec<Array2<f32>> = (0..DOCUMENTS)
        .map(|at| random.near(&topics, 5 + at * 7 % 13))
        .collect();
    let queries: Vec<Array2<f32>> = (0..QUERIES).map(|_| random.near(&topics, 8)).collect();
    let config = IndexConfig {
        nbits,
        batch_size: 25,
        start_from_scratch: 0,
        ..IndexConfig::default()
    };
    let name = folder.to_string_lossy();
    let clusters = ComputeKmeansConfig {
        num_partitions: Some(CENTROIDS),
        ..ComputeKmeansConfig::default()
    };
    let centroids = compute_kmeans(&documents, &clusters)?;
    create_index_files(&documents, centroids, &name, &config)?;
    let index = MmapIndex::load(&name)?;
    let parameters = SearchParameters {
        n_ivf_probe: index.num_partitions(),
        centroid_score_threshold: None,
        ..SearchParameters::default()
    };
    let mut expected = Vec::new();
    for query in &queries {
        let found = index.search(query, &parameters, None)?;
        expected.push(json!({"documents": found.passage_ids, "scores": found.scores}));
    }
    fs::write(folder.join("expected.json"), serde_json::to_vec(&expected)?)?;
    let views: Vec<_> = queries.iter().map(Array2::view).collect();
    write_npy(folder.join("queries.npy"), &concatenate(Axis(0), &views)?)?;
    let originals: Vec<_> = documents.iter().map(Array2::view).collect();
    write_npy(
        folder.join("originals.npy"),
        &concatenate(Axis(0), &originals)?,
    )?;
    let lengths: Array1<i64> = documents.iter().map(|d| d.nrows() as i64).collect();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("merged_"))
        {
            fs::remove_file(path)?;
        }
    }
    Ok(
        json!({"documents": DOCUMENTS, "tokens": lengths.sum(), "centroids": index.num_partitions()}),
    )
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Between -1 and 1.
    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn unit_rows(&mut self, rows: usize) -> Array2<f32> {
        normalized(Array2::from_shape_simple_fn((rows, DIM), || self.float()))
    }

    /// Rows each near one of `topics`.
    fn near(&mut self, topics: &Array2<f32>, rows: usize) -> Array2<f32> {
        let mut all = Array2::zeros((rows, DIM));
        for mut row in all.rows_mut() {
            let topic = topics.row(self.next() as usize % topics.nrows());
            row.assign(&topic);
            row.mapv_inplace(|x| x + 0.15 * self.float());
        }
        normalized(all)
    }
}

fn normalized(mut rows: Array2<f32>) -> Array2<f32> {
    for mut row in rows.rows_mut() {
        let length = row.dot(&row).sqrt();
        row /= length;
    }
    rows
}
