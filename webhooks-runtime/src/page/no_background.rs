//! Without the feature no delivery runs in the background.

use maud::Markup;

/// There are none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Background {}

pub(super) fn background(background: &Background) -> Markup {
    match *background {}
}
