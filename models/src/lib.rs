//! Files of models: the hub that they come from, the cache that is shared with
//! the hub's other tools, fathom's own folder, hashes, and the header of GGUF files.
//!
//! The crate knows nothing of what a model does. [`hub::Hub`] fetches,
//! [`store`] imports, verifies and removes, [`gguf::Header`] describes.

pub mod digest;
pub mod gguf;
pub mod hub;
mod space;
pub mod store;

pub use space::shown;
