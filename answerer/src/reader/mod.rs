//! The reader model: a GGUF file run by llama.cpp, or a server behind a URL.
