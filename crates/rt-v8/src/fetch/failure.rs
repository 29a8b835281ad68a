//! Why a request failed, as the `cause` of Node's `TypeError: fetch failed`.
//!
//! Programs look at `cause.code`, so each failure has the one that Node's sockets, resolver, TLS and undici give.

use agentos_abi::Errno;
use deno_tls::rustls::{self, CertificateError};
use serde::Serialize;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// libuv's number of `EAI_AGAIN`.
const UV_EAI_AGAIN: i32 = -3001;
/// libuv's number of `ENOTFOUND` (`EAI_NONAME`).
const UV_EAI_NONAME: i32 = -3008;

/// A failure. What serializes are the properties that the error object has beside its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// `error.message`
    #[serde(skip)]
    pub message: String,
    /// Negative Linux or libuv number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// Symbolic name, such as `ECONNREFUSED` or `UND_ERR_SOCKET`. Empty for none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub code: String,
    /// The call that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syscall: Option<&'static str>,
    /// The address that was connected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The name that was looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
}

impl Failure {
    /// A failure that has nothing but a message.
    pub fn message(message: impl Into<String>) -> Failure {
        Failure::coded("", message)
    }

    /// A failure with a code of Node's or undici's own.
    pub fn coded(code: impl Into<String>, message: impl Into<String>) -> Failure {
        Failure { message: message.into(), errno: None, code: code.into(), syscall: None, address: None, port: None, hostname: None }
    }

    /// A system call failed.
    pub fn call(syscall: &'static str, errno: Errno) -> Failure {
        let message = format!("{syscall} {}", errno.name());
        Failure { errno: Some(errno.to_return()), syscall: Some(syscall), ..Failure::coded(errno.name(), message) }
    }

    /// connect(2) failed.
    pub fn connect(address: SocketAddr, errno: Errno) -> Failure {
        let ip = address.ip();
        let message = format!("connect {} {ip}:{}", errno.name(), address.port());
        Failure { message, address: Some(ip.to_string()), port: Some(address.port()), ..Failure::call("connect", errno) }
    }

    /// A name has no address, or may not be asked for.
    pub fn resolve(hostname: &str, errno: Errno) -> Failure {
        let (number, code) = match errno {
            Errno::ENOENT => (UV_EAI_NONAME, "ENOTFOUND"),
            Errno::EIO | Errno::EAGAIN => (UV_EAI_AGAIN, "EAI_AGAIN"),
            other => (other.to_return(), other.name()),
        };
        Failure {
            errno: Some(number),
            syscall: Some("getaddrinfo"),
            hostname: Some(hostname.into()),
            ..Failure::coded(code, format!("getaddrinfo {code} {hostname}"))
        }
    }

    /// What went wrong in the HTTP client: the most exact thing in the chain of sources.
    pub fn of(error: &(dyn Error + 'static)) -> Failure {
        let mut next = Some(error);
        let mut http = None;
        let mut last = error;
        while let Some(error) = next {
            if let Some(failure) = known(error) {
                return failure;
            }
            http = http.or_else(|| error.downcast_ref::<hyper::Error>().and_then(of_http));
            last = error;
            next = error.source();
        }
        http.unwrap_or_else(|| Failure::message(last.to_string()))
    }

    /// The properties as JSON.
    pub fn properties(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".into())
    }
}

/// A source that says it all by itself.
fn known(error: &(dyn Error + 'static)) -> Option<Failure> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return Some(failure.clone());
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    let error = error.downcast_ref::<io::Error>()?;
    // An io::Error hides the error it was made of: `source` answers that one's source.
    if let Some(inner) = error.get_ref() {
        return known(inner).or_else(|| (error.kind() == io::ErrorKind::UnexpectedEof).then(closed));
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Some(closed()),
        _ => error.raw_os_error().map(|_| Failure::call("read", Errno::from(io::Error::from(error.kind())))),
    }
}

fn closed() -> Failure {
    Failure::coded("UND_ERR_SOCKET", "other side closed")
}

fn of_http(error: &hyper::Error) -> Option<Failure> {
    if error.is_incomplete_message() || error.is_closed() {
        Some(closed())
    } else if error.is_parse_too_large() {
        Some(Failure::coded("UND_ERR_HEADERS_OVERFLOW", "Headers Overflow Error"))
    } else if error.is_parse() {
        Some(Failure::coded("HPE_INVALID_CONSTANT", format!("Response does not match the HTTP/1.1 protocol ({error})")))
    } else {
        None
    }
}

/// OpenSSL's words for what rustls found.
fn of_tls(error: &rustls::Error) -> Failure {
    use CertificateError as Bad;
    let (code, message) = match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer => ("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unable to get local issuer certificate".into()),
            Bad::Expired | Bad::ExpiredContext { .. } => ("CERT_HAS_EXPIRED", "certificate has expired".into()),
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => ("CERT_NOT_YET_VALID", "certificate is not yet valid".into()),
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                ("ERR_TLS_CERT_ALTNAME_INVALID", format!("Hostname/IP does not match certificate's altnames: {bad}"))
            }
            Bad::Revoked => ("CERT_REVOKED", "certificate revoked".into()),
            Bad::BadSignature => ("CERT_SIGNATURE_FAILURE", "certificate signature failure".into()),
            Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => ("INVALID_PURPOSE", "unsuitable certificate purpose".into()),
            other => ("CERT_REJECTED", other.to_string()),
        },
        other => ("EPROTO", other.to_string()),
    };
    Failure::coded(code, message)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> io::Error {
        io::Error::other(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_reads_as_in_node() {
        let failure = Failure::connect("127.0.0.1:81".parse().unwrap(), Errno::ECONNREFUSED);
        assert_eq!(failure.message, "connect ECONNREFUSED 127.0.0.1:81");
        assert_eq!(failure.properties(), r#"{"errno":-111,"code":"ECONNREFUSED","syscall":"connect","address":"127.0.0.1","port":81}"#);
    }

    #[test]
    fn a_name_without_address_is_enotfound_and_a_denied_one_eacces() {
        let missing = Failure::resolve("nowhere.example", Errno::ENOENT);
        assert_eq!(missing.message, "getaddrinfo ENOTFOUND nowhere.example");
        assert_eq!(missing.properties(), r#"{"errno":-3008,"code":"ENOTFOUND","syscall":"getaddrinfo","hostname":"nowhere.example"}"#);
        assert_eq!(Failure::resolve("nowhere.example", Errno::EACCES).code, "EACCES");
    }

    #[test]
    fn a_failure_is_found_inside_io_errors() {
        let reset = Failure::call("read", Errno::ECONNRESET);
        let nested = io::Error::new(io::ErrorKind::ConnectionReset, io::Error::from(reset.clone()));
        assert_eq!(Failure::of(&nested), reset);
    }

    #[test]
    fn certificate_errors_have_openssl_codes() {
        let error = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(CertificateError::Expired));
        assert_eq!(Failure::of(&error).code, "CERT_HAS_EXPIRED");
    }

    #[test]
    fn an_unknown_error_keeps_its_words() {
        let failure = Failure::of(&fmt::Error);
        assert_eq!((failure.code.as_str(), failure.message.as_str()), ("", &*fmt::Error.to_string()));
        assert_eq!(failure.properties(), "{}");
    }
}
