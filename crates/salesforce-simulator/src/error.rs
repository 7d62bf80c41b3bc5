//! Why a simulator could not start.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::{public_key::PublicKeyError, schema::SchemaError};

/// Why a simulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The address is taken, or not one of this machine.
    #[error("could not listen on {address}; is another simulator running?")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A file named in the settings could not be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The key file has no public key.
    #[error("{}", path.display())]
    PublicKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PublicKeyError,
    },
    /// The schema file is not one.
    #[error("{}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SchemaError,
    },
}
