//! What is refused, and what is said then.

use fathom::qdrant::{QdrantError, Remote};
use fathom_encoders::Profile;
use fathom_indexes::Collection;
use fathom_qdrant_tests::Server;
use fathom_retriever::{Filter, VectorQuery, Vectors};
use qdrant_client::qdrant::{
    CreateCollectionBuilder, Distance, MultiVectorComparator, MultiVectorConfigBuilder,
    VectorParamsBuilder, VectorsConfigBuilder,
};

use crate::bench::{Bench, CHUNKS, fixture, paths};
use crate::servers::{Scratch, at, key, server};

#[test]
fn vectors_of_another_model_are_left_alone() {
    let (address, _server) = server();
    let name = Scratch::new(&address);
    let bench = Bench::new(Profile::bundled());
    bench.put(&paths(0..2));
    let snapshot = bench.store.snapshot().unwrap();
    let remote = |profile: &Profile| Remote::new(&name.url(), key(), profile).unwrap();
    remote(&bench.profile).sync(&snapshot, &|_, _| ()).unwrap();
    let other = fixture("colbert-export");
    let refused = remote(&other).sync(&snapshot, &|_, _| ()).unwrap_err();
    assert!(matches!(refused, QdrantError::Profile { .. }), "{refused}");
    assert!(refused.to_string().contains("name another collection"));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let bench = Bench::new(Profile::bundled());
    let remote = Remote::new("qdrant://127.0.0.1:9/code", None, &bench.profile).unwrap();
    let error = remote.sync(&bench.store.snapshot().unwrap(), &|_, _| ());
    let error = error.unwrap_err().to_string();
    let parts = ["127.0.0.1:9", "check that it runs", "QDRANT_API_KEY"];
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

/// Between an update and a question. Words and symbols still answer: they are here.
#[test]
fn a_server_that_goes_away_is_named() {
    let server = Server::start();
    let profile = Profile::bundled();
    let bench = Bench::new(profile.clone());
    bench.put(&paths(0..4));
    let name = format!("{}/code", server.address);
    let remote = Remote::new(&name, None, &profile).unwrap();
    let snapshot = bench.store.snapshot().unwrap();
    remote.sync(&snapshot, &|_, _| ()).unwrap();
    let there = remote.vectors(&snapshot).unwrap();
    let address = server.address.clone();
    server.stop();
    let embedding = bench.vectors(Collection::Main, b"query", 6);
    let query = VectorQuery {
        collection: Collection::Main,
        embedding: &embedding,
        within: None,
        filter: &Filter::default(),
    };
    for error in [
        there.late(&query, 10).unwrap_err(),
        there.dense(&query, 10).unwrap_err(),
    ] {
        let error = error.to_string();
        let what = format!("Qdrant at `{address}` did not answer a query");
        assert!(error.contains(&what), "{error}");
    }
}

#[test]
fn a_key_is_sent_and_its_lack_told() {
    let server = Server::with_key(Some("secret"));
    let bench = Bench::new(Profile::bundled());
    bench.put(&paths(0..2));
    let snapshot = bench.store.snapshot().unwrap();
    let sync = |key: Option<&str>| {
        let name = format!("{}/code", server.address);
        let remote = Remote::new(&name, key.map(str::to_owned), &bench.profile).unwrap();
        remote.sync(&snapshot, &|_, _| ())
    };
    for wrong in [None, Some(""), Some("other")] {
        let error = sync(wrong).unwrap_err().to_string();
        assert!(error.contains("Must provide an API key"), "{error}");
        assert!(error.contains("`QDRANT_API_KEY`"), "{error}");
    }
    assert_eq!(sync(Some("secret")).unwrap().uploaded, 2 * CHUNKS);
}

/// The server looks at what it is sent; what it says is shown.
#[test]
fn a_collection_of_another_shape_is_refused() {
    let (address, _server) = server();
    let bench = Bench::new(Profile::bundled());
    bench.put(&paths(0..2));
    let half = Scratch::new(&address);
    make_by_hand(&half, |dim| dim / 2, Some(bench.profile.id()));
    let remote = |collection: &Scratch| {
        let remote = Remote::new(&collection.url(), key(), &bench.profile).unwrap();
        remote.sync(&bench.store.snapshot().unwrap(), &|_, _| ())
    };
    let error = remote(&half).unwrap_err().to_string();
    assert!(error.contains("did not take the vectors"), "{error}");
    assert!(error.to_lowercase().contains("dimension"), "{error}");
    // Somebody else's, whatever its shape.
    let foreign = Scratch::new(&address);
    make_by_hand(&foreign, |dim| dim, None);
    let error = remote(&foreign).unwrap_err().to_string();
    assert!(
        error.contains("holds vectors of `another program`"),
        "{error}"
    );
}

/// Makes a collection as if for the bundled model, with other dimensions and this profile.
fn make_by_hand(collection: &Scratch, dim: fn(usize) -> usize, profile: Option<&str>) {
    let bundled = Profile::bundled();
    let params = |size: usize| VectorParamsBuilder::new(dim(size) as u64, Distance::Dot);
    let mut vectors = VectorsConfigBuilder::default();
    let comparator = MultiVectorConfigBuilder::new(MultiVectorComparator::MaxSim);
    vectors.add_named_vector_params(
        "tokens",
        params(bundled.token_dim()).multivector_config(comparator),
    );
    vectors.add_named_vector_params("dense", params(bundled.dense_dim()));
    let mut create = CreateCollectionBuilder::new(&collection.name)
        .vectors_config(vectors)
        .build();
    let profile = profile.map(|id| ("fathom_profile".to_owned(), id.into()));
    create.metadata = profile.into_iter().collect();
    let created = at(&collection.address, async |client| {
        client.create_collection(create).await
    });
    created.unwrap();
}
