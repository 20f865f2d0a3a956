//! Reader models: named profiles, where their files are, which one suits a
//! machine.

mod error;
mod find;
mod id;
mod profile;
mod recommend;

pub use error::ModelError;
pub use find::{Installed, ModelFolders, find, installed};
pub use id::ModelId;
pub use profile::{PROFILES, Quantisation, ReaderProfile};
pub use recommend::{Choice, Machine, recommend};
