//! What is said to the service manager that started the process, if one did and listens.
//!
//! systemd understands it (`sd_notify(3)`); without `NOTIFY_SOCKET` in the environment nothing is said.

use sd_notify::NotifyState;

/// The daemon works: it listens, and its engine runs. Also says so at the end of a reload.
pub fn ready(status: &str) {
    say(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The daemon reads its configuration anew; [`ready`] must follow, whatever comes of it.
pub fn reloading() {
    // Without the time, systemd 253 and later fails the reload.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(&[NotifyState::Reloading, now]),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the monotonic clock cannot be read");
        }
    }
}

/// The daemon begins to stop.
pub fn stopping(status: &str) {
    say(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// What the daemon does, in a line for people.
pub fn status(text: &str) {
    say(&[NotifyState::Status(text)]);
}

/// The daemon moves: whoever watches it need not end it.
pub fn watchdog() {
    if sd_notify::watchdog_enabled().is_some() {
        say(&[NotifyState::Watchdog]);
    }
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        // Not worth more: a service manager that needs to hear it acts upon silence.
        tracing::debug!(error = &error as &dyn std::error::Error, "the service manager could not be told");
    }
}
