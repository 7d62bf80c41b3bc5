use std::{fs, path::PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// An authority of its own, and what it issued for a server: `ca.pem`, `server.pem` and `server.key`.
#[derive(Debug)]
pub struct Certificates(TempDir);

impl Certificates {
    /// For a server with these names and addresses.
    ///
    /// # Panics
    ///
    /// When one of them is none, or the temporary folder cannot be written.
    #[must_use]
    pub fn of(names: &[&str]) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // A server's certificate with the same name would count as one that signed itself.
        authority.distinguished_name.push(DnType::CommonName, "an authority");
        let made = "keys can be made";
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().expect(made)).expect(made);
        let key = KeyPair::generate().expect(made);
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let server = CertificateParams::new(names).expect("names of a server");
        let server = server.signed_by(&key, &authority).expect(made);

        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let files = [
            ("ca.pem", authority.pem()),
            ("server.pem", server.pem()),
            ("server.key", key.serialize_pem()),
        ];
        for (name, content) in files {
            fs::write(folder.path().join(name), content).expect("a temporary file can be written");
        }
        Self(folder)
    }

    /// Where one of the files is.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Options with which Redis speaks TLS on this port as well, with its replicas and Sentinels too.
    #[must_use]
    pub fn of_redis(&self, port: u16) -> Vec<String> {
        let file = |name: &str| self.file(name).display().to_string();
        let options = [
            ("--tls-port", port.to_string()),
            ("--tls-cert-file", file("server.pem")),
            ("--tls-key-file", file("server.key")),
            ("--tls-ca-cert-file", file("ca.pem")),
            ("--tls-auth-clients", "no".to_owned()),
            ("--tls-replication", "yes".to_owned()),
        ];
        options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}
