//! The one error type of the API, shaped as Node.js' system errors are.

use agentos_abi::Errno;

/// What API calls answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with Node's fields. `code` is an errno name or an `ERR_AGENTOS_...` code.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// `"ENOENT"`, `"ERR_AGENTOS_INVALID_OPTION"` and so on.
    pub code: String,
    /// Says what was wrong, what was got and what is accepted.
    pub message: String,
    /// Negative errno, as Node shows it; `None` for errors that are not the kernel's.
    pub errno: Option<i32>,
    /// The system call that failed.
    pub syscall: Option<&'static str>,
    /// The path or command it was about.
    pub path: Option<String>,
    /// The limit that was hit.
    pub limit: Option<&'static str>,
    /// The configured value of that limit.
    pub configured: Option<f64>,
}

impl Error {
    /// A failed system call: `"ENOENT: no such file or directory, open '/x'"`.
    pub fn syscall(errno: Errno, syscall: &'static str, path: Option<&str>) -> Error {
        let text = lower_first(errno.message());
        let message = match path {
            Some(path) => format!("{}: {text}, {syscall} '{path}'", errno.name()),
            None => format!("{}: {text}, {syscall}", errno.name()),
        };
        Error { message, errno: Some(-errno.raw()), syscall: Some(syscall), path: path.map(str::to_owned), ..Error::new(errno.name(), "") }
    }

    /// An error of the API itself.
    pub fn new(code: &str, message: impl Into<String>) -> Error {
        Error { code: code.to_owned(), message: message.into(), errno: None, syscall: None, path: None, limit: None, configured: None }
    }

    /// A bad option: `option` is its path in the options object.
    pub fn option(option: &str, got: impl std::fmt::Display, accepts: &str) -> Error {
        Error::new("ERR_AGENTOS_INVALID_OPTION", format!("option {option}: got {got}; accepted: {accepts}"))
    }

    /// The VM was disposed.
    pub fn disposed() -> Error {
        Error::new("ERR_AGENTOS_DISPOSED", "this VM has been disposed; create a new one")
    }
}

/// Node writes the strerror text with a small first letter.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_error_reads_as_in_node() {
        let error = Error::syscall(Errno::ENOENT, "open", Some("/x"));
        assert_eq!(error.to_string(), "ENOENT: no such file or directory, open '/x'");
        assert_eq!((error.code.as_str(), error.errno), ("ENOENT", Some(-2)));
    }
}
