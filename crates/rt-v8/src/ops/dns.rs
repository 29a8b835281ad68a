//! `dns.lookup`, which every connection to a name begins with: the kernel's resolver, under the policy of the VM.

use super::guard_async;
use crate::kernel::Kernel;
use agentos_abi::Errno;
use agentos_syscall::WaitOn;
use deno_core::{OpDecl, OpState, op2};
use deno_net::ops::NetPermToken;
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::rc::Rc;

/// libuv's numbers of getaddrinfo(3) failures.
const UV_EAI_NONAME: i32 = -3008;
const UV_EAI_AGAIN: i32 = -3001;

/// Longest name that is looked up, in bytes (RFC 1035, section 2.3.4).
const NAME_MAX: usize = 253;

/// A failure as upstream's JavaScript reads it.
#[derive(Debug, deno_error::JsError)]
#[class(generic)]
#[property("uv_errcode" = self.0)]
struct LookupError(i32);

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for LookupError {}

impl From<io::Error> for LookupError {
    fn from(error: io::Error) -> Self {
        LookupError(match Errno::from(error) {
            Errno::ENOENT | Errno::EINVAL => UV_EAI_NONAME,
            Errno::EAGAIN => UV_EAI_AGAIN,
            errno => -errno.raw(),
        })
    }
}

#[op2]
#[cppgc]
async fn op_dns_lookup(state: Rc<RefCell<OpState>>, #[string] hostname: String, port: Option<u16>, #[smi] family: i32) -> Result<NetPermToken, LookupError> {
    let kernel = state.borrow().borrow::<Kernel>().clone();
    let found = guard_async(async {
        if hostname.is_empty() || hostname.len() > NAME_MAX {
            return Err(Errno::ENOENT.into());
        }
        Ok(kernel.wait_async(WaitOn::Resolve(&hostname), None, |task| task.resolve(&hostname)).await?)
    })
    .await?;
    let wanted = |address: &&std::net::IpAddr| match family {
        4 => address.is_ipv4(),
        6 => address.is_ipv6(),
        _ => true,
    };
    let resolved_ips: Vec<String> = found.addresses.iter().filter(wanted).map(ToString::to_string).collect();
    if resolved_ips.is_empty() {
        return Err(LookupError(UV_EAI_NONAME));
    }
    Ok(NetPermToken { hostname, port, resolved_ips })
}

pub(super) fn replacements() -> Vec<(&'static str, OpDecl)> {
    vec![("op_node_getaddrinfo", op_dns_lookup())]
}
