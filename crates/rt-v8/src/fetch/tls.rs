//! TLS of `https:` requests.

use super::failure::Failure;
use super::limits::CERTIFICATE_FILE_BYTES;
use crate::kernel::Kernel;
use crate::ops::Environment;
use deno_tls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use deno_tls::rustls::{ClientConfig, RootCertStore};
use deno_tls::{TlsKey, rustls_pemfile};
use std::io;
use std::sync::{Arc, OnceLock};

/// Name of the variable with a file of certificates to trust beside the built-in ones.
const EXTRA_CERTIFICATES: &str = "NODE_EXTRA_CA_CERTS";

/// The cryptography, which is chosen by hand: two providers are linked, and rustls panics rather than choose.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())).clone()
}

/// Mozilla's roots, shared by all isolates. Anything else about TLS, sessions in particular, belongs to one process.
fn builtin_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    ROOTS.get_or_init(|| Arc::new(deno_tls::create_default_root_cert_store())).clone()
}

/// The certificates that the environment asks to trust. As in Node, a file that cannot be read or understood adds none.
pub fn extra_certificates(kernel: &Kernel, environment: &Environment) -> Vec<Vec<u8>> {
    let path = environment.0.get(EXTRA_CERTIFICATES).filter(|path| !path.is_empty());
    path.and_then(|path| kernel.read_file(path.as_bytes(), CERTIFICATE_FILE_BYTES).ok()).into_iter().collect()
}

/// How to speak TLS: which certificates to believe (`extra` are PEM files), which to show, which protocols to offer.
///
/// # Errors
/// A client certificate that does not fit its key.
pub fn config(extra: &[Vec<u8>], identity: Option<TlsKey>, protocols: &[&str]) -> Result<ClientConfig, Failure> {
    let mut roots = builtin_roots();
    for pem in extra {
        let mut pem = io::Cursor::new(pem);
        Arc::make_mut(&mut roots).add_parsable_certificates(rustls_pemfile::certs(&mut pem).flatten());
    }
    let fail = |error: deno_tls::rustls::Error| Failure::message(error.to_string());
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(fail)?.with_root_certificates(roots);
    let mut config = match identity {
        Some(TlsKey(chain, key)) => builder.with_client_auth_cert(chain, key).map_err(fail)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_needs_no_provider_of_the_process() {
        let config = config(&[b"not a certificate".to_vec()], None, &["h2", "http/1.1"]).unwrap();
        assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    }
}
