//! The folders of sentence-transformers and PyLate: `modules.json` names what follows the model.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Files, ModelConfig, TokenizerConfig};
use crate::profile::recipe::{Activation, Expansion, Kind, Pooling, Prefix, Recipe, Side, Step};

/// Length of texts where no file tells it.
const LENGTH: usize = 512;

#[derive(Deserialize)]
struct Module {
    path: String,
    #[serde(rename = "type")]
    class: String,
}

/// `config_sentence_transformers.json`; PyLate's fields are there for its models only.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    prompts: HashMap<String, String>,
    query_prefix: Option<String>,
    document_prefix: Option<String>,
    query_length: Option<usize>,
    document_length: Option<usize>,
    do_query_expansion: Option<bool>,
    attend_to_expansion_tokens: bool,
    skiplist_words: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TransformerConfig {
    max_seq_length: Option<usize>,
    do_lower_case: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
    include_prompt: Option<bool>,
}

#[derive(Deserialize)]
struct DenseConfig {
    in_features: usize,
    out_features: usize,
    activation_function: String,
    #[serde(default)]
    use_residual: bool,
}

pub(super) fn recognise(files: &Files<'_>) -> Result<Recipe, String> {
    let modules: Vec<Module> = files.json("modules.json")?;
    let config: Config = files.json_or_default("config_sentence_transformers.json")?;
    let transformer: TransformerConfig = files.json_or_default("sentence_bert_config.json")?;
    let model: ModelConfig = files.json("config.json")?;
    let tokenizer: TokenizerConfig = files.json_or_default("tokenizer_config.json")?;
    let mut dim = model.hidden_size()?;
    let mut steps = Vec::new();
    for module in modules.iter().skip(1) {
        steps.extend(step(files, module, &mut dim)?);
    }
    let is_dense = steps.iter().any(|step| matches!(step, Step::Pool { .. }));
    let length = transformer.max_seq_length.or_else(|| tokenizer.length());
    let length = length.unwrap_or(LENGTH);
    let (query, document) = match is_dense {
        true => dense_sides(&config, length),
        false => late_sides(&config),
    };
    let expansion = Expansion {
        token: tokenizer.mask().map(Prefix::Piece),
        attend: config.attend_to_expansion_tokens,
    };
    let expands = !is_dense && config.do_query_expansion.unwrap_or(true);
    Ok(Recipe {
        kind: match is_dense {
            true => Kind::Dense,
            false => Kind::LateInteraction,
        },
        graph: files.graph(&["onnx", ""])?,
        tokenizer: files.tokenizer()?,
        lower_case: transformer.do_lower_case,
        query,
        document,
        expansion: expands.then_some(expansion),
        skiplist: match is_dense {
            true => Vec::new(),
            false => config.skiplist_words.unwrap_or_else(punctuation),
        },
        output: None,
        steps,
        told_steps: true,
        dim,
        truncate: None,
        matryoshka: Vec::new(),
        activation: Activation::Identity,
    })
}

/// PyLate's default skiplist.
fn punctuation() -> Vec<String> {
    let all = (b'!'..=b'~').filter(u8::is_ascii_punctuation);
    all.map(|byte| char::from(byte).to_string()).collect()
}

fn late_sides(config: &Config) -> (Side, Side) {
    let side = |prefix: &Option<String>, default: &str, length: usize| {
        let prefix = prefix.as_deref().unwrap_or(default);
        Side {
            prompt: String::new(),
            prefix: (!prefix.is_empty()).then(|| Prefix::Piece(prefix.to_owned())),
            length,
        }
    };
    (
        side(
            &config.query_prefix,
            "[Q] ",
            config.query_length.unwrap_or(32),
        ),
        side(
            &config.document_prefix,
            "[D] ",
            config.document_length.unwrap_or(180),
        ),
    )
}

fn dense_sides(config: &Config, length: usize) -> (Side, Side) {
    let side = |names: &[&str]| Side {
        prompt: names
            .iter()
            .find_map(|&name| config.prompts.get(name).cloned())
            .unwrap_or_default(),
        prefix: None,
        length,
    };
    (side(&["query"]), side(&["document", "passage"]))
}

/// What a module does; nothing for those that change no direction.
fn step(files: &Files<'_>, module: &Module, dim: &mut usize) -> Result<Option<Step>, String> {
    let class = module.class.rsplit('.').next().unwrap_or_default();
    let folder = inside(&module.path)?;
    match class {
        "Normalize" | "Dropout" => Ok(None),
        "Pooling" => pooling(files, &folder).map(Some),
        "Dense" => {
            let name = format!("{}/config.json", module.path);
            let config: DenseConfig = files.json(&name)?;
            if config.in_features != *dim {
                let DenseConfig { in_features, .. } = config;
                return Err(format!(
                    "`{name}`: {in_features} inputs follow {dim} outputs"
                ));
            }
            *dim = config.out_features;
            let activation = Activation::named(&config.activation_function);
            Ok(Some(Step::Linear {
                activation: activation
                    .filter(|&activation| activation != Activation::Softmax)
                    .ok_or_else(|| not_known("activation", &config.activation_function))?,
                residual: config.use_residual,
                folder,
            }))
        }
        _ => Err(not_known("module", &module.class)),
    }
}

fn pooling(files: &Files<'_>, folder: &Path) -> Result<Step, String> {
    let name = format!("{}/config.json", folder.display());
    let config: PoolingConfig = files.json(&name)?;
    let modes = [
        (config.pooling_mode_cls_token, Some(Pooling::First)),
        (config.pooling_mode_mean_tokens, Some(Pooling::Mean)),
        (config.pooling_mode_max_tokens, Some(Pooling::Max)),
        (
            config.pooling_mode_mean_sqrt_len_tokens,
            Some(Pooling::MeanSqrt),
        ),
        (config.pooling_mode_weightedmean_tokens, None),
        (config.pooling_mode_lasttoken, Some(Pooling::Last)),
    ];
    let mut chosen = modes.iter().filter(|(is_on, _)| *is_on);
    match (chosen.next(), chosen.next()) {
        (Some((_, Some(pooling))), None) => Ok(Step::Pool {
            pooling: *pooling,
            with_prompt: config.include_prompt.unwrap_or(true),
        }),
        _ => Err(format!(
            "`{name}`: only one of mean, mean by the root of the length, first, last and largest \
             can be used"
        )),
    }
}

/// A folder that a file names, if it is inside of the model's.
fn inside(path: &str) -> Result<PathBuf, String> {
    let plain = |part| matches!(part, std::path::Component::Normal(_));
    match Path::new(path).components().all(plain) {
        true => Ok(path.into()),
        false => Err(format!(
            "`modules.json` names `{path}`, outside of the folder"
        )),
    }
}

fn not_known(what: &str, name: &str) -> String {
    format!("its {what} `{name}` is not known")
}
