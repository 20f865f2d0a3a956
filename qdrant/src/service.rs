//! The services of the server: what the engine here does, and what it refuses.

use std::future::{Future, ready};
use std::pin::Pin;

use ::qdrant_client::qdrant::collections_server::Collections;
use ::qdrant_client::qdrant::points_server::Points;
use ::qdrant_client::qdrant::*;
use tonic::{Request, Status};

use super::{Answer, Engine, updated};

/// As `async_trait` writes it.
type Later<'a, T> = Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>;

/// Methods that run something at once.
macro_rules! methods {
    ($($name:ident($request:ty) -> $answer:ty = $run:expr;)*) => {
        $(
            fn $name<'life0, 'async_trait>(
                &'life0 self,
                request: Request<$request>,
            ) -> Later<'async_trait, $answer>
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                let run: fn(&Engine, $request) -> Answer<$answer> = $run;
                Box::pin(ready(run(self, request.into_inner())))
            }
        )*
    };
}

fn refuse<Q, A>(_: &Engine, _: Q) -> Answer<A> {
    let what = std::any::type_name::<Q>();
    Err(Status::unimplemented(what))
}

impl Collections for Engine {
    methods! {
        get(GetCollectionInfoRequest) -> GetCollectionInfoResponse = |engine, request| engine.describe(&request.collection_name);
        list(ListCollectionsRequest) -> ListCollectionsResponse = refuse;
        create(CreateCollection) -> CollectionOperationResponse = Engine::make;
        update(UpdateCollection) -> CollectionOperationResponse = refuse;
        delete(DeleteCollection) -> CollectionOperationResponse = Engine::drop_collection;
        update_aliases(ChangeAliases) -> CollectionOperationResponse = refuse;
        list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse = refuse;
        list_aliases(ListAliasesRequest) -> ListAliasesResponse = refuse;
        collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse = refuse;
        collection_exists(CollectionExistsRequest) -> CollectionExistsResponse = |engine, request| engine.exists(&request.collection_name);
        update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse = refuse;
        create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse = refuse;
        delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse = refuse;
        list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse = refuse;
    }
}

impl Points for Engine {
    methods! {
        upsert(UpsertPoints) -> PointsOperationResponse = Engine::insert;
        delete(DeletePoints) -> PointsOperationResponse = Engine::remove;
        get(GetPoints) -> GetResponse = refuse;
        update_vectors(UpdatePointVectors) -> PointsOperationResponse = refuse;
        delete_vectors(DeletePointVectors) -> PointsOperationResponse = refuse;
        set_payload(SetPayloadPoints) -> PointsOperationResponse = refuse;
        overwrite_payload(SetPayloadPoints) -> PointsOperationResponse = Engine::replace;
        delete_payload(DeletePayloadPoints) -> PointsOperationResponse = refuse;
        clear_payload(ClearPayloadPoints) -> PointsOperationResponse = refuse;
        create_field_index(CreateFieldIndexCollection) -> PointsOperationResponse = |_, _| Ok(updated());
        delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse = refuse;
        create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse = refuse;
        delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse = refuse;
        search(SearchPoints) -> SearchResponse = refuse;
        search_batch(SearchBatchPoints) -> SearchBatchResponse = refuse;
        search_groups(SearchPointGroups) -> SearchGroupsResponse = refuse;
        scroll(ScrollPoints) -> ScrollResponse = Engine::list;
        recommend(RecommendPoints) -> RecommendResponse = refuse;
        recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse = refuse;
        recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse = refuse;
        discover(DiscoverPoints) -> DiscoverResponse = refuse;
        discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse = refuse;
        count(CountPoints) -> CountResponse = refuse;
        update_batch(UpdateBatchPoints) -> UpdateBatchResponse = refuse;
        query(QueryPoints) -> QueryResponse = Engine::find;
        query_batch(QueryBatchPoints) -> QueryBatchResponse = refuse;
        query_groups(QueryPointGroups) -> QueryGroupsResponse = refuse;
        facet(FacetCounts) -> FacetResponse = refuse;
        search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse = refuse;
        search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse = refuse;
    }
}
