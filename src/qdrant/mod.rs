//! The vector side of a repository in Qdrant: a derived copy, named by the user, kept up with the
//! store and asked in its place.
//!
//! The store stays the truth: it has words, symbols and texts, and what is encoded here. A content is a
//! point under its own hash, so that an update sends what is new and deletes what is gone; where it
//! stands in the repository is payload. Tokens are a multivector compared by MaxSim, without a graph:
//! they only score again what the dense vectors found. `docs/qdrant.md` says when that pays.

mod address;
mod points;
mod search;
mod sync;

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use fathom_encoders::Profile;
use fathom_indexes::{Collection, StoreError};
use qdrant_client::qdrant::{
    CreateCollectionBuilder, Distance, HnswConfigDiffBuilder, MultiVectorComparator,
    MultiVectorConfigBuilder, Value, VectorParams, VectorParamsBuilder, VectorParamsMap,
    VectorsConfig, vectors_config,
};
use qdrant_client::{Qdrant, QdrantError as ClientError};

pub use address::Address;
pub use search::RemoteVectors;
pub use sync::SyncReport;

use crate::env;

/// Names of the two vectors of a point.
const TOKENS: &str = "tokens";
const DENSE: &str = "dense";
/// Key of a Qdrant collection's metadata: the profile that its vectors are of.
const PROFILE: &str = "fathom_profile";
/// Longest time of one request.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why the vectors in Qdrant cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum QdrantError {
    /// It is no address.
    #[error(
        "`{0}` is no address of vectors; write `qdrant://host:6334/collection`, or `qdrants://` for TLS"
    )]
    Address(String),
    /// The server does not answer as it should.
    #[error("Qdrant at `{address}` did not {action}: {reason}; check that it runs there, and `{key}` if it wants a key", key = env::QDRANT_API_KEY)]
    Server {
        /// Where it is asked.
        address: String,
        /// What was asked.
        action: &'static str,
        /// What it or the connection says.
        reason: String,
    },
    /// The collection holds vectors of another model.
    #[error(
        "the collection `{collection}` holds vectors of `{found}`, not of `{wanted}`; name another collection, or delete that one"
    )]
    Profile {
        /// Its name.
        collection: String,
        /// Whose vectors.
        found: String,
        /// Whose they should be.
        wanted: String,
    },
    /// Nothing was uploaded there yet.
    #[error(
        "there is no collection `{collection}` at `{address}`; upload the vectors with `fathom index --store {address}/{collection}`"
    )]
    Missing {
        /// Its name.
        collection: String,
        /// Where it should be.
        address: String,
    },
    /// The store here.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No thread for the connection.
    #[error("no connection to Qdrant can be made: {0}")]
    Runtime(#[from] std::io::Error),
}

/// A connection to the vectors of one repository.
pub struct Remote {
    address: Address,
    client: Qdrant,
    runtime: tokio::runtime::Runtime,
    profile: Profile,
}

impl Remote {
    /// Prepares a connection; nothing is asked yet. An empty key is none.
    ///
    /// # Errors
    /// If the address makes no sense.
    pub fn new(
        address: &str,
        key: Option<String>,
        profile: &Profile,
    ) -> Result<Remote, QdrantError> {
        let address = Address::parse(address)?;
        let client = Qdrant::from_url(&address.url())
            .api_key(key.filter(|key| !key.is_empty()))
            .timeout(PATIENCE)
            .skip_compatibility_check()
            .build()
            .map_err(|error| failed(&address, "connect", &error))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        Ok(Remote {
            address,
            client,
            runtime,
            profile: profile.clone(),
        })
    }

    fn ask<T>(
        &self,
        action: &'static str,
        answer: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, QdrantError> {
        let answer = self.runtime.block_on(answer);
        answer.map_err(|error| failed(&self.address, action, &error))
    }

    /// Name of the Qdrant collection for one of ours.
    fn name(&self, collection: Collection) -> String {
        match collection {
            Collection::Main => self.address.collection.clone(),
            Collection::Docs => format!("{}-docs", self.address.collection),
        }
    }

    fn profile(&self, collection: Collection) -> &Profile {
        match collection {
            Collection::Main => self.profile.code(),
            Collection::Docs => self.profile.docs().unwrap_or(&self.profile),
        }
    }

    /// Whether a collection is there; it has to be of the same model.
    fn exists(&self, collection: Collection) -> Result<bool, QdrantError> {
        let name = self.name(collection);
        let exists = self.client.collection_exists(&name);
        if !self.ask("say which collections it has", exists)? {
            return Ok(false);
        }
        let info = self.ask(
            "describe the collection",
            self.client.collection_info(&name),
        )?;
        let config = info.result.and_then(|info| info.config);
        let found = config.and_then(|config| config.metadata.get(PROFILE)?.as_str().cloned());
        let wanted = self.profile(collection).id();
        match found {
            Some(found) if found == wanted => Ok(true),
            found => Err(QdrantError::Profile {
                collection: name,
                found: found.unwrap_or_else(|| "another program".into()),
                wanted: wanted.to_owned(),
            }),
        }
    }

    fn create(&self, collection: Collection) -> Result<(), QdrantError> {
        let profile = self.profile(collection);
        let mut vectors = HashMap::new();
        if profile.token_dim() > 0 {
            vectors.insert(TOKENS.to_owned(), tokens(profile.token_dim()));
        }
        if profile.dense_dim() > 0 {
            let dense = VectorParamsBuilder::new(profile.dense_dim() as u64, Distance::Dot);
            vectors.insert(DENSE.to_owned(), dense.build());
        }
        let config = VectorsConfig {
            config: Some(vectors_config::Config::ParamsMap(VectorParamsMap {
                map: vectors,
            })),
        };
        let metadata = [(PROFILE.to_owned(), Value::from(profile.id()))];
        let mut create = CreateCollectionBuilder::new(self.name(collection))
            .vectors_config(config)
            .build();
        create.metadata = metadata.into();
        self.ask("make the collection", self.client.create_collection(create))?;
        points::index_payload(self, &self.name(collection))
    }
}

/// Unit vectors are compared by their dot products; a graph of tokens would serve nobody, and half
/// precision is finer than what is stored here.
fn tokens(dim: usize) -> VectorParams {
    VectorParamsBuilder::new(dim as u64, Distance::Dot)
        .multivector_config(MultiVectorConfigBuilder::new(MultiVectorComparator::MaxSim))
        .hnsw_config(HnswConfigDiffBuilder::default().m(0))
        .datatype(qdrant_client::qdrant::Datatype::Float16)
        .build()
}

fn failed(address: &Address, action: &'static str, error: &ClientError) -> QdrantError {
    QdrantError::Server {
        address: address.server(),
        action,
        reason: reason(error),
    }
}

/// What the server said, without the headers of its answer.
fn reason(error: &ClientError) -> String {
    match error {
        ClientError::ResponseError { status } if !status.message().is_empty() => {
            status.message().to_owned()
        }
        ClientError::ResponseError { status } => status.code().to_string(),
        error => error.to_string(),
    }
}
