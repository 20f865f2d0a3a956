//! JSON schemas as all clients understand them: flat, without unions, references or number formats.

use std::sync::Arc;

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// Keys that some clients reject, and none needs.
const NEEDLESS: &[&str] = &["$schema", "title", "format"];

/// The schema of a type.
pub fn of<T: JsonSchema>() -> Arc<JsonObject> {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut value = schema.to_value();
    simplify(&mut value);
    object(value)
}

/// A value that is an object.
pub fn object(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(fields) => Arc::new(fields),
        _ => Arc::default(),
    }
}

fn simplify(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // Below `properties` the keys are names.
            let is_schema = fields.contains_key("type") || fields.contains_key("$schema");
            if is_schema {
                fields.retain(|key, value| !NEEDLESS.contains(&key.as_str()) || value.is_object());
            }
            fields.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}
