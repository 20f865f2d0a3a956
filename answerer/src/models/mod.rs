//! Reader models: named profiles, where their files are, which one suits a machine.
