//! DNS messages, as far as a stub resolver's questions need (RFC 1035, 3596).

use agentos_abi::Errno;
use std::net::IpAddr;

/// Longest answer over UDP without extensions, in bytes.
const MESSAGE_MAX: usize = 512;
/// How long a program may keep an answer, in seconds.
const TTL_S: u32 = 30;

/// A question.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Query {
    id: u16,
    /// RD, which the answer repeats.
    recursion_desired: bool,
    /// The question as it came, which the answer repeats.
    question: Vec<u8>,
    /// The name, in dotted form.
    pub(crate) name: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    A,
    Aaaa,
    /// Anything else has no answer here.
    Other,
}

/// The name whose addresses a DNS query asks for.
pub fn asked_name(message: &[u8]) -> Option<String> {
    Query::parse(message).filter(Query::wants_addresses).map(|query| query.name)
}

impl Query {
    /// Reads a query with one question. `None` for anything else, which gets no answer.
    pub(crate) fn parse(message: &[u8]) -> Option<Query> {
        let (header, body) = message.split_at_checked(12)?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        // QR and OPCODE must be 0: a standard query.
        if word(2) & 0xf800 != 0 || word(4) != 1 {
            return None;
        }
        let (name, rest) = parse_name(body)?;
        let (kind_class, _) = rest.split_at_checked(4)?;
        let kind = match (u16::from_be_bytes([kind_class[0], kind_class[1]]), u16::from_be_bytes([kind_class[2], kind_class[3]])) {
            (1, 1) => Kind::A,
            (28, 1) => Kind::Aaaa,
            _ => Kind::Other,
        };
        let question = body[..body.len() - rest.len() + 4].to_vec();
        Some(Query { id: word(0), recursion_desired: word(2) & 0x100 != 0, question, name, kind })
    }

    /// Whether the query asks for addresses at all.
    pub(crate) fn wants_addresses(&self) -> bool {
        self.kind != Kind::Other
    }

    /// The answer. A name that the policy denies does not exist: stub resolvers wait in vain for another server's word when they
    /// are told REFUSED.
    pub(crate) fn answer(&self, addresses: &Result<Vec<IpAddr>, Errno>) -> Vec<u8> {
        let (code, addresses): (u16, &[IpAddr]) = match addresses {
            Ok(addresses) => (0, addresses),
            Err(Errno::ENOENT | Errno::EACCES) => (3, &[]),
            Err(_) => (2, &[]),
        };
        // QR and RA, with RD and RCODE.
        let flags = 0x8080 | u16::from(self.recursion_desired) << 8 | code;
        let mut message = Vec::with_capacity(MESSAGE_MAX);
        for word in [self.id, flags, 1, 0, 0, 0] {
            message.extend(word.to_be_bytes());
        }
        message.extend(&self.question);
        let mut count = 0u16;
        for data in addresses.iter().filter_map(|ip| self.record_data(*ip)) {
            if message.len() + 12 + data.len() > MESSAGE_MAX {
                break;
            }
            // The name is a pointer to the question's, at offset 12; then type and class as asked.
            message.extend([0xc0, 12]);
            message.extend(&self.question[self.question.len() - 4..]);
            message.extend(TTL_S.to_be_bytes());
            message.extend((data.len() as u16).to_be_bytes());
            message.extend(data);
            count += 1;
        }
        message[6..8].copy_from_slice(&count.to_be_bytes());
        message
    }

    fn record_data(&self, ip: IpAddr) -> Option<Vec<u8>> {
        match (self.kind, ip) {
            (Kind::A, IpAddr::V4(ip)) => Some(ip.octets().to_vec()),
            (Kind::Aaaa, IpAddr::V6(ip)) => Some(ip.octets().to_vec()),
            _ => None,
        }
    }
}

/// Labels up to the empty one. Questions are not compressed.
fn parse_name(mut bytes: &[u8]) -> Option<(String, &[u8])> {
    let mut name = String::new();
    loop {
        let (&len, rest) = bytes.split_first()?;
        if len == 0 {
            return Some((name, rest));
        }
        let (label, rest) = rest.split_at_checked(usize::from(len)).filter(|_| len <= 63)?;
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(std::str::from_utf8(label).ok().filter(|label| label.is_ascii() && !label.contains('.'))?);
        if name.len() > 253 {
            return None;
        }
        bytes = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK_A: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01";

    #[test]
    fn a_question_is_answered_with_its_own_kind_of_address() {
        let query = Query::parse(ASK_A).unwrap();
        assert_eq!(query.name, "a.example");
        let answer = query.answer(&Ok(vec!["::1".parse().unwrap(), "192.0.2.7".parse().unwrap()]));
        let mut expected = b"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01".to_vec();
        expected.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04\xc0\x00\x02\x07");
        assert_eq!(answer, expected);
    }

    #[test]
    fn errors_are_codes() {
        let query = Query::parse(ASK_A).unwrap();
        for (errno, code) in [(Errno::ENOENT, 3), (Errno::EACCES, 3), (Errno::EIO, 2), (Errno::EAGAIN, 2)] {
            assert_eq!(query.answer(&Err(errno))[3] & 0xf, code);
        }
    }

    #[test]
    fn an_answer_stays_within_512_bytes() {
        let many = (0..200).map(|n| IpAddr::from([192, 0, 2, n])).collect();
        let answer = Query::parse(ASK_A).unwrap().answer(&Ok(many));
        assert!(answer.len() <= 512);
        assert_eq!(u16::from_be_bytes([answer[6], answer[7]]), 30);
    }

    #[test]
    fn what_is_no_single_standard_query_is_refused_and_nothing_panics() {
        for cut in 0..ASK_A.len() {
            assert_eq!(Query::parse(&ASK_A[..cut]), None);
        }
        let with = |at: usize, byte: u8| {
            let mut message = ASK_A.to_vec();
            message[at] = byte;
            Query::parse(&message)
        };
        assert_eq!((with(2, 0x81), with(5, 2), with(12, 0xc0), with(13, b'.'), with(13, 0xff)), (None, None, None, None, None));
        assert!(!with(ASK_A.len() - 3, 16).unwrap().wants_addresses());
    }
}
