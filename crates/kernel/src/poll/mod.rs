//! Readiness of many files at once: poll(2), epoll(7), and eventfd(2).

mod epoll;
mod eventfd;

pub(crate) use epoll::Epoll;
pub(crate) use eventfd::EventFd;
