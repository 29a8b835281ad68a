//! Readiness of many files at once: poll(2), epoll(7); and what is waited for like files: eventfd(2), timerfd_create(2), signalfd(2).

mod epoll;
mod eventfd;
mod signalfd;
mod timerfd;

pub(crate) use epoll::Epoll;
pub(crate) use eventfd::EventFd;
pub(crate) use signalfd::SignalFd;
pub(crate) use timerfd::TimerFd;
