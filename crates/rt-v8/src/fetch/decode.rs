//! Content codings of responses.

use super::failure::Failure;
use super::limits::CHUNK_BYTES;
use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderValue, RANGE};
use std::io;
use std::pin::Pin;
use tokio_util::io::{ReaderStream, StreamReader};

/// The bytes that a program reads of a response.
pub type Content = Pin<Box<dyn Stream<Item = Result<Bytes, Failure>>>>;

/// What is done with the body of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Passed on as it comes.
    Identity,
    /// `gzip`
    Gzip,
    /// `br`
    Brotli,
}

/// Asks for the codings that [`decode`] knows, unless the program asked for others. Answers whether a body is to be decoded: parts
/// of a compressed representation, which Range asks for, cannot be.
pub fn negotiate(request: &mut HeaderMap) -> bool {
    let ranged = request.contains_key(RANGE);
    let wanted = request.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static(if ranged { "identity" } else { "gzip, br" }));
    !ranged && !wanted.as_bytes().eq_ignore_ascii_case(b"identity")
}

/// The coding of a response that may be decoded.
pub fn coding(response: &HeaderMap) -> Coding {
    // Servers say that empty bodies are compressed, which no coding makes empty.
    if response.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0") {
        return Coding::Identity;
    }
    match response.get(CONTENT_ENCODING).map(|coding| coding.as_bytes().trim_ascii().to_ascii_lowercase()) {
        Some(coding) if coding == b"gzip" || coding == b"x-gzip" => Coding::Gzip,
        Some(coding) if coding == b"br" => Coding::Brotli,
        _ => Coding::Identity,
    }
}

/// The content of a body. Nothing is read ahead but what the decoder holds.
pub fn decode(body: Incoming, coding: Coding) -> Content {
    let chunks = BodyDataStream::new(body);
    if coding == Coding::Identity {
        return Box::pin(chunks.map_err(|error| Failure::of(&error)));
    }
    let reader = StreamReader::new(chunks.map_err(|error| io::Error::from(Failure::of(&error))));
    let chunks: Pin<Box<dyn Stream<Item = io::Result<Bytes>>>> = match coding {
        Coding::Brotli => ReaderStream::with_capacity(BrotliDecoder::new(reader), CHUNK_BYTES).boxed_local(),
        _ => ReaderStream::with_capacity(GzipDecoder::new(reader), CHUNK_BYTES).boxed_local(),
    };
    Box::pin(chunks.map_err(|error| Failure::of(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_request_asks_for_known_codings_unless_it_wants_bytes_as_they_are() {
        for (given, asked, decoded) in
            [(("accept", "*/*"), "gzip, br", true), (("range", "bytes=0-1"), "identity", false), (("accept-encoding", "identity"), "identity", false)]
        {
            let mut request = headers(&[given]);
            assert_eq!(negotiate(&mut request), decoded, "{given:?}");
            assert_eq!(request[ACCEPT_ENCODING], asked);
        }
    }

    #[test]
    fn only_single_known_codings_are_decoded() {
        for (coded, expected) in
            [("gzip", Coding::Gzip), (" GZip", Coding::Gzip), ("br", Coding::Brotli), ("gzip, br", Coding::Identity), ("zstd", Coding::Identity)]
        {
            assert_eq!(coding(&headers(&[("content-encoding", coded)])), expected, "{coded}");
        }
        assert_eq!(coding(&headers(&[("content-encoding", "gzip"), ("content-length", "0")])), Coding::Identity);
    }
}
