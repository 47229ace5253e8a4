//! What a file says.

use matchbook_protocol::{AuthenticatorId, Secret};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 6030.
    Pskc,
    /// Lines of columns, the first one naming them.
    Csv,
}

/// A device with the key that it was given where it was made.
#[derive(Debug, PartialEq, Eq)]
pub struct Device {
    /// The identification code.
    pub id: AuthenticatorId,
    /// K_0.
    pub key: Secret<32>,
    /// Its user's log-in name; 1 to [`MAX_USER_LEN`](crate::limits::MAX_USER_LEN) bytes.
    pub user: String,
    /// What people call it; up to [`MAX_LABEL_LEN`](crate::limits::MAX_LABEL_LEN) bytes.
    pub label: String,
}

/// A row of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it stands: the line of a CSV file, the number of the key package of a PSKC file. From 1 on.
    pub place: usize,
    /// The device; or why there is none, in one sentence that names the column or element.
    pub device: Result<Device, String>,
}

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// In their order.
    pub rows: Vec<Row>,
    /// What else is to be known of it, in sentences.
    pub notes: Vec<String>,
}
