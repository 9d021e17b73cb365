//! The page at `/`: the endpoints, a form to try them, and recent deliveries for authorized viewers.
//!
//! | module | responsibility |
//! | --- | --- |
//! | `part` | composes the dashboard of a server, and observes its deliveries |
//! | `routes` | the page's routes; `send` hands a delivery from the page to the dispatcher |
//! | `auth` | authorizes viewers |
//! | `blocks`, `page` | the page as a list of blocks, and its rendering |
//! | `intro`, `locked`, `steps` | blocks without routes |
//! | `endpoints`, `form`, `activity`, `background` | a feature each: its view, its routes and its script |
//! | `openapi` | serves the OpenAPI document |
//! | `document`, `pieces`, `markdown`, `text` | markup that the blocks share |
//! | `files`, `file` | serve the style sheet, the scripts and the icon |

mod activity;
mod auth;
mod background;
mod blocks;
mod document;
mod endpoints;
mod file;
mod files;
mod form;
mod intro;
mod locked;
mod markdown;
mod openapi;
mod page;
mod part;
mod pieces;
mod routes;
mod send;
mod steps;
mod text;

#[cfg(fuzzing)]
pub use auth::fuzzing::FuzzedViewerAuth;
#[cfg(fuzzing)]
pub(crate) use background::fuzzing::render_delivery;
pub use blocks::{Block, Blocks, PageContext, Visit};
pub(crate) use part::{DashboardSettings, compose};
