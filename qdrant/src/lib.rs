//! Qdrant's engine in this process, behind the gRPC interface of its server.
//!
//! Only what fathom asks for is there; anything else is refused, so that a test would tell.

mod convert;
mod service;

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_client::qdrant::{
    CollectionConfig, CollectionExists, CollectionExistsResponse, CollectionInfo,
    CollectionOperationResponse, CreateCollection, DeleteCollection, PointsOperationResponse,
    QueryPoints, QueryResponse, RetrievedPoint, ScoredPoint, ScrollPoints, ScrollResponse,
    UpdateResult, Value, vectors_config,
};
use qdrant_edge::{
    EdgeConfig, EdgeShard, PayloadOps, PointInsertOperations, PointOperations, QueryRequest,
    ScrollRequest, SetPayloadOp, UpdateOperation, WithPayloadInterface, WithVector,
};
use tempfile::TempDir;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status};

/// A server that ends with the test.
pub struct Server {
    /// `qdrant://127.0.0.1:port`.
    pub address: String,
    _runtime: tokio::runtime::Runtime,
    dir: Arc<TempDir>,
}

/// What gRPC answers.
type Answer<T> = Result<Response<T>, Status>;

#[derive(Clone)]
struct Engine {
    dir: Arc<TempDir>,
    collections: Arc<Mutex<HashMap<String, Arc<Collection>>>>,
}

struct Collection {
    shard: EdgeShard,
    metadata: HashMap<String, Value>,
}

impl Server {
    /// Listens on a free port of this machine.
    ///
    /// # Panics
    /// If it cannot.
    pub fn start() -> Server {
        Server::with_key(None)
    }

    /// The same, for those who send this key.
    ///
    /// # Panics
    /// If it cannot.
    pub fn with_key(key: Option<&'static str>) -> Server {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        let port = listener.local_addr().expect("a bound port").port();
        let dir = Arc::new(tempfile::tempdir().expect("a folder"));
        let engine = Engine {
            dir: dir.clone(),
            collections: Arc::default(),
        };
        let check = move |request: Request<()>| match key {
            Some(key)
                if request
                    .metadata()
                    .get("api-key")
                    .is_none_or(|sent| sent != key) =>
            {
                Err(Status::unauthenticated("Must provide an API key"))
            }
            _ => Ok(request),
        };
        let points = PointsServer::new(engine.clone()).max_decoding_message_size(64 << 20);
        let router = tonic::transport::Server::builder()
            .add_service(InterceptedService::new(
                CollectionsServer::new(engine),
                check,
            ))
            .add_service(InterceptedService::new(points, check));
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        runtime.spawn(router.serve_with_incoming(incoming));
        Server {
            address: format!("qdrant://127.0.0.1:{port}"),
            _runtime: runtime,
            dir,
        }
    }

    /// Bytes on disk that its files take.
    pub fn bytes(&self) -> u64 {
        size(self.dir.path())
    }

    /// Ends it, connections included.
    pub fn stop(self) {}
}

/// Files may have holes; blocks are counted.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) => meta.blocks() * 512,
        Err(_) => 0,
    };
    entries.map(of).sum()
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

impl Engine {
    fn collection(&self, name: &str) -> Result<Arc<Collection>, Status> {
        let all = self
            .collections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let found = all.get(name).cloned();
        found.ok_or_else(|| Status::not_found(format!("collection `{name}`")))
    }

    fn exists(&self, name: &str) -> Answer<CollectionExistsResponse> {
        let exists = self.collection(name).is_ok();
        Ok(Response::new(CollectionExistsResponse {
            result: Some(CollectionExists { exists }),
            ..Default::default()
        }))
    }

    fn describe(&self, name: &str) -> Answer<qdrant_client::qdrant::GetCollectionInfoResponse> {
        let config = CollectionConfig {
            metadata: self.collection(name)?.metadata.clone(),
            ..Default::default()
        };
        Ok(Response::new(
            qdrant_client::qdrant::GetCollectionInfoResponse {
                result: Some(CollectionInfo {
                    config: Some(config),
                    ..Default::default()
                }),
                ..Default::default()
            },
        ))
    }

    fn make(&self, request: CreateCollection) -> Answer<CollectionOperationResponse> {
        let config = request.vectors_config.and_then(|config| config.config);
        let Some(vectors_config::Config::ParamsMap(params)) = config else {
            return Err(Status::unimplemented("vectors without names"));
        };
        let vectors = params.map.into_iter();
        let config = EdgeConfig {
            vectors: vectors
                .map(|(name, params)| Ok((name, convert::params(&params)?)))
                .collect::<Result<_, Status>>()?,
            ..Default::default()
        };
        let dir = self.dir.path().join(&request.collection_name);
        std::fs::create_dir(&dir).map_err(internal)?;
        let shard = EdgeShard::new(&dir, config).map_err(internal)?;
        let collection = Collection {
            shard,
            metadata: request.metadata,
        };
        let mut all = self
            .collections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.insert(request.collection_name, Arc::new(collection));
        Ok(Response::new(CollectionOperationResponse {
            result: true,
            ..Default::default()
        }))
    }

    fn drop_collection(&self, request: DeleteCollection) -> Answer<CollectionOperationResponse> {
        let mut all = self
            .collections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let result = all.remove(&request.collection_name).is_some();
        Ok(Response::new(CollectionOperationResponse {
            result,
            ..Default::default()
        }))
    }

    fn update(&self, name: &str, operation: UpdateOperation) -> Answer<PointsOperationResponse> {
        let collection = self.collection(name)?;
        collection.shard.update(operation).map_err(internal)?;
        Ok(updated())
    }

    fn insert(
        &self,
        request: qdrant_client::qdrant::UpsertPoints,
    ) -> Answer<PointsOperationResponse> {
        let points = request.points.into_iter().map(convert::point);
        let points = points.collect::<Result<Vec<_>, _>>()?;
        let insert = PointInsertOperations::PointsList(points);
        let operation = UpdateOperation::PointOperation(PointOperations::UpsertPoints(insert));
        self.update(&request.collection_name, operation)
    }

    fn remove(
        &self,
        request: qdrant_client::qdrant::DeletePoints,
    ) -> Answer<PointsOperationResponse> {
        let ids = convert::selected(request.points)?;
        let delete = PointOperations::DeletePoints { ids };
        let operation = UpdateOperation::PointOperation(delete);
        self.update(&request.collection_name, operation)
    }

    fn replace(
        &self,
        request: qdrant_client::qdrant::SetPayloadPoints,
    ) -> Answer<PointsOperationResponse> {
        let set = SetPayloadOp {
            payload: convert::payload(request.payload)?,
            points: Some(convert::selected(request.points_selector)?),
            filter: None,
            key: None,
        };
        let operation = UpdateOperation::PayloadOperation(PayloadOps::OverwritePayload(set));
        self.update(&request.collection_name, operation)
    }

    fn list(&self, request: ScrollPoints) -> Answer<ScrollResponse> {
        let collection = self.collection(&request.collection_name)?;
        let scroll = ScrollRequest {
            offset: request.offset.map(convert::id).transpose()?,
            limit: request.limit.map(|limit| limit as usize),
            with_payload: Some(WithPayloadInterface::Bool(true)),
            ..ScrollRequest::default()
        };
        let (records, next) = collection.shard.scroll(scroll).map_err(internal)?;
        let point = |record: qdrant_edge::Record| RetrievedPoint {
            id: Some(convert::id_back(record.id)),
            payload: record
                .payload
                .map(convert::payload_back)
                .unwrap_or_default(),
            ..Default::default()
        };
        Ok(Response::new(ScrollResponse {
            result: records.into_iter().map(point).collect(),
            next_page_offset: next.map(convert::id_back),
            ..Default::default()
        }))
    }

    fn find(&self, request: QueryPoints) -> Answer<QueryResponse> {
        let collection = self.collection(&request.collection_name)?;
        let prefetches = request.prefetch.into_iter().map(convert::prefetch);
        let query = QueryRequest {
            prefetches: prefetches.collect::<Result<_, _>>()?,
            query: convert::query(request.query, request.using)?,
            filter: request.filter.map(convert::filter).transpose()?,
            score_threshold: None,
            limit: request.limit.unwrap_or(10) as usize,
            offset: 0,
            params: request.params.map(convert::search_params),
            with_vector: WithVector::Bool(false),
            with_payload: WithPayloadInterface::Bool(false),
        };
        let found = collection.shard.query(query).map_err(internal)?;
        let point = |found: qdrant_edge::ScoredPoint| ScoredPoint {
            id: Some(convert::id_back(found.id)),
            score: found.score,
            ..Default::default()
        };
        Ok(Response::new(QueryResponse {
            result: found.into_iter().map(point).collect(),
            ..Default::default()
        }))
    }
}

fn updated() -> Response<PointsOperationResponse> {
    Response::new(PointsOperationResponse {
        result: Some(UpdateResult::default()),
        ..Default::default()
    })
}
