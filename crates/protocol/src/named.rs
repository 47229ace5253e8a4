//! How the errors of this crate are written down: each variant with its stable name and its sentence side by side.

/// Declares an error enum whose variants carry no data: documentation, stable name (what test vectors cite) and the
/// sentence that a reader sees, in one place.
macro_rules! named_errors {
    (
        $(#[$outer:meta])*
        pub enum $error:ident {
            $( $(#[$inner:meta])* $variant:ident = $name:literal: $sentence:literal, )+
        }
    ) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $error {
            $( $(#[$inner])* $variant, )+
        }

        impl $error {
            /// The stable name, as the test vectors cite it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => $name, )+
                }
            }
        }

        impl core::fmt::Display for $error {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(match self {
                    $( Self::$variant => $sentence, )+
                })
            }
        }

        impl core::error::Error for $error {}
    };
}

pub(crate) use named_errors;
