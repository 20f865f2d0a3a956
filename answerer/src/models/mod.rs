//! Reader models: named profiles, where their files are, which one suits a
//! machine.

mod choose;
mod error;
mod find;
mod id;
mod inventory;
mod profile;
mod recommend;

pub use choose::choose;
pub use error::ModelError;
pub use find::{Installed, ModelFolders, find, installed};
pub use id::ModelId;
pub use inventory::{OnDisk, Place, import_name, inventory};
pub use profile::{PROFILES, Quantisation, ReaderProfile};
pub use recommend::{Choice, Machine, recommend, recommend_at};
