//! What carries a device's messages to the server and back.
//!
//! [`Bearer`] is the small contract that the driver speaks. This crate brings two: [`HttpBearer`], and short messages over
//! a [`modem`]. A card reader or a test implements the same trait.

mod error;
mod http;
pub mod modem;
mod options;

#[cfg(test)]
mod http_tests;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tls_tests;

use std::time::Duration;

pub use error::{AddressError, BearerError};
pub use http::HttpBearer;
pub use options::{HttpOptions, MAX_WAIT, RootCertificate};

/// Takes one message to the server and brings back what the server has to say.
pub trait Bearer {
    /// Sends a message and gives the messages that came back, none to four, all in their compressed form. None comes
    /// back when the server does not know the sender, or when the bearer answers later, as SMS does.
    ///
    /// `wait` asks the server to hold its answer for so long when it has nothing new: a long poll. A bearer that has no
    /// such thing ignores it. What comes back is not checked in any way: the engine does that.
    ///
    /// # Errors
    /// The message may have arrived or not. The driver sends the same bytes again.
    fn exchange(&mut self, message: &[u8], wait: Option<Duration>) -> Result<Vec<Vec<u8>>, BearerError>;

    /// Told when all that [`Bearer::exchange`] gave is stored. A bearer that keeps messages until then lets them go.
    fn taken_in(&mut self) {}
}

impl<B: Bearer + ?Sized> Bearer for &mut B {
    fn exchange(&mut self, message: &[u8], wait: Option<Duration>) -> Result<Vec<Vec<u8>>, BearerError> {
        (**self).exchange(message, wait)
    }

    fn taken_in(&mut self) {
        (**self).taken_in();
    }
}

impl<B: Bearer + ?Sized> Bearer for Box<B> {
    fn exchange(&mut self, message: &[u8], wait: Option<Duration>) -> Result<Vec<Vec<u8>>, BearerError> {
        (**self).exchange(message, wait)
    }

    fn taken_in(&mut self) {
        (**self).taken_in();
    }
}
