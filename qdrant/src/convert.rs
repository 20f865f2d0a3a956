//! Between the messages of gRPC and the types of the engine.

use std::collections::HashMap;
use std::str::FromStr;

use qdrant_client::qdrant::{
    self as grpc, Condition, PointStruct, PointsSelector, PrefetchQuery, VectorParams,
    condition::ConditionOneOf, r#match::MatchValue, point_id::PointIdOptions,
    points_selector::PointsSelectorOneOf, value::Kind, vector, vector_input, vectors,
};
use qdrant_edge::external::{serde_json, uuid};
use qdrant_edge::{
    Distance, EdgeVectorParams, Filter, MultiVectorComparator, MultiVectorConfig, NamedQuery,
    Payload, PointId, Prefetch, QueryEnum, ScoringQuery, SearchParams, Vector, VectorInternal,
    VectorPersisted, VectorStorageDatatype, VectorStructPersisted,
};
use serde_json::{Map, Value as Json, json};
use tonic::Status;

fn refused(what: &str) -> Status {
    Status::unimplemented(what.to_owned())
}

pub fn params(params: &VectorParams) -> Result<EdgeVectorParams, Status> {
    if params.distance != grpc::Distance::Dot as i32 {
        return Err(refused("another distance than the dot product"));
    }
    let mut edge = EdgeVectorParams::builder(params.size as usize, Distance::Dot).build();
    edge.multivector_config = params.multivector_config.map(|_| MultiVectorConfig {
        comparator: MultiVectorComparator::MaxSim,
    });
    if params.datatype == Some(grpc::Datatype::Float16 as i32) {
        edge.datatype = Some(VectorStorageDatatype::Float16);
    }
    Ok(edge)
}

pub fn id(id: grpc::PointId) -> Result<PointId, Status> {
    match id.point_id_options {
        Some(PointIdOptions::Num(number)) => Ok(PointId::NumId(number)),
        Some(PointIdOptions::Uuid(text)) => {
            let uuid = uuid::Uuid::from_str(&text);
            let uuid = uuid.map_err(|error| Status::invalid_argument(error.to_string()))?;
            Ok(PointId::Uuid(uuid))
        }
        None => Err(Status::invalid_argument("a point without an id")),
    }
}

pub fn id_back(id: PointId) -> grpc::PointId {
    match id {
        PointId::NumId(number) => grpc::PointId::from(number),
        PointId::Uuid(uuid) => grpc::PointId::from(uuid.to_string()),
    }
}

pub fn selected(selector: Option<PointsSelector>) -> Result<Vec<PointId>, Status> {
    match selector.and_then(|selector| selector.points_selector_one_of) {
        Some(PointsSelectorOneOf::Points(list)) => list.ids.into_iter().map(id).collect(),
        _ => Err(refused("points by filter")),
    }
}

pub fn point(point: PointStruct) -> Result<qdrant_edge::PointStructPersisted, Status> {
    let named = match point.vectors.and_then(|vectors| vectors.vectors_options) {
        Some(vectors::VectorsOptions::Vectors(named)) => named.vectors,
        _ => return Err(refused("vectors without names")),
    };
    let vectors = named
        .into_iter()
        .map(|(name, vector)| Ok((name, persisted(vector)?)))
        .collect::<Result<HashMap<_, _>, Status>>()?;
    Ok(qdrant_edge::PointStructPersisted {
        id: id(point.id.unwrap_or_default())?,
        vector: VectorStructPersisted::Named(vectors),
        payload: Some(payload(point.payload)?),
    })
}

fn persisted(vector: grpc::Vector) -> Result<VectorPersisted, Status> {
    match vector.vector {
        Some(vector::Vector::Dense(dense)) => Ok(VectorPersisted::Dense(dense.data)),
        Some(vector::Vector::MultiDense(rows)) => Ok(VectorPersisted::MultiDense(matrix(rows))),
        _ => Err(refused("another kind of vector")),
    }
}

fn matrix(rows: grpc::MultiDenseVector) -> Vec<Vec<f32>> {
    rows.vectors.into_iter().map(|row| row.data).collect()
}

pub fn payload(map: HashMap<String, grpc::Value>) -> Result<Payload, Status> {
    let object = map
        .into_iter()
        .map(|(key, value)| Ok((key, json_of(value)?)))
        .collect::<Result<Map<String, Json>, Status>>()?;
    Ok(Payload(object))
}

fn json_of(value: grpc::Value) -> Result<Json, Status> {
    Ok(match value.kind {
        Some(Kind::StringValue(text)) => Json::String(text),
        Some(Kind::IntegerValue(number)) => json!(number),
        Some(Kind::ListValue(list)) => {
            let values = list.values.into_iter().map(json_of);
            Json::Array(values.collect::<Result<_, _>>()?)
        }
        _ => return Err(refused("another kind of payload")),
    })
}

pub fn payload_back(payload: Payload) -> HashMap<String, grpc::Value> {
    let text = |(key, value): (String, Json)| Some((key, grpc::Value::from(value.as_str()?)));
    payload.0.into_iter().filter_map(text).collect()
}

pub fn query(
    query: Option<grpc::Query>,
    using: Option<String>,
) -> Result<Option<ScoringQuery>, Status> {
    let Some(query) = query else { return Ok(None) };
    let Some(grpc::query::Variant::Nearest(input)) = query.variant else {
        return Err(refused("another kind of query"));
    };
    let vector: VectorInternal = match input.variant {
        Some(vector_input::Variant::Dense(dense)) => VectorInternal::Dense(dense.data),
        Some(vector_input::Variant::MultiDense(rows)) => {
            let vector = Vector::new_multi(matrix(rows));
            vector
                .map_err(|error| Status::invalid_argument(error.to_string()))?
                .0
        }
        _ => return Err(refused("another kind of input")),
    };
    let nearest = NamedQuery {
        query: vector,
        using,
    };
    Ok(Some(ScoringQuery::Vector(QueryEnum::Nearest(nearest))))
}

pub fn prefetch(prefetch: PrefetchQuery) -> Result<Prefetch, Status> {
    Ok(Prefetch {
        prefetches: Vec::new(),
        query: query(prefetch.query, prefetch.using)?,
        limit: prefetch.limit.unwrap_or(10) as usize,
        params: prefetch.params.map(search_params),
        filter: prefetch.filter.map(filter).transpose()?,
        score_threshold: None,
    })
}

pub fn search_params(params: grpc::SearchParams) -> SearchParams {
    SearchParams {
        exact: params.exact.unwrap_or(false),
        ..SearchParams::default()
    }
}

/// By way of the JSON that Qdrant's other interface speaks.
pub fn filter(filter: grpc::Filter) -> Result<Filter, Status> {
    if !filter.should.is_empty() || !filter.must_not.is_empty() || filter.min_should.is_some() {
        return Err(refused("filters with `should` or `must_not`"));
    }
    let must = filter.must.into_iter().map(condition);
    let must = must.collect::<Result<Vec<_>, _>>()?;
    serde_json::from_value(json!({ "must": must }))
        .map_err(|error| Status::invalid_argument(error.to_string()))
}

fn condition(condition: Condition) -> Result<Json, Status> {
    match condition.condition_one_of {
        Some(ConditionOneOf::HasId(ids)) => {
            let ids = ids
                .has_id
                .into_iter()
                .map(id)
                .collect::<Result<Vec<_>, _>>()?;
            Ok(json!({ "has_id": ids }))
        }
        Some(ConditionOneOf::Field(field)) => match field.r#match.and_then(|one| one.match_value) {
            Some(MatchValue::Keywords(words)) => {
                Ok(json!({ "key": field.key, "match": { "any": words.strings } }))
            }
            _ => Err(refused("another kind of match")),
        },
        _ => Err(refused("another kind of condition")),
    }
}
