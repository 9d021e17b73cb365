//! Renders a page from its blocks.

use maud::{Markup, PreEscaped, html};

use super::super::activity::activity;
use super::super::endpoints::endpoints;
use super::super::form::trigger_form;
use super::super::intro::intro;
use super::super::locked::locked;
use super::super::steps::next_steps;
use super::{BlockKind, Blocks, PageContext};

impl Blocks {
    /// Returns whether the page shows deliveries, so that they must be recorded.
    pub(crate) fn has_activity(&self) -> bool {
        self.blocks.iter().any(|block| matches!(block, BlockKind::Activity))
    }

    fn has_form(&self) -> bool {
        self.blocks.iter().any(|block| matches!(block, BlockKind::TriggerForm))
    }

    /// Returns whether the page has something for authorized viewers only.
    pub(crate) fn has_private(&self) -> bool {
        let private = |block: &BlockKind| {
            matches!(block, BlockKind::Activity | BlockKind::TriggerForm | BlockKind::Custom(_))
        };
        self.blocks.iter().any(private)
    }

    /// Renders links to the blocks, if there are several.
    fn table_of_contents(&self, context: &PageContext<'_>) -> Markup {
        let link = |block: &BlockKind| match block {
            BlockKind::Endpoints => Some(("#endpoints", "Endpoints")),
            BlockKind::TriggerForm if context.authorized => Some(("#trigger", "Try it")),
            BlockKind::Activity if context.deliveries.is_some() => Some(("#activity", "Activity")),
            BlockKind::NextSteps => Some(("#next", "Next steps")),
            _ => None,
        };
        let links: Vec<_> = self.blocks.iter().filter_map(link).collect();
        html! {
            @if links.len() > 1 {
                nav.contents aria-label="On this page" {
                    @for (target, name) in links { a href=(target) { (name) } }
                }
            }
        }
    }

    /// Renders all blocks.
    pub(in crate::dashboard) fn render(&self, context: &PageContext<'_>) -> Markup {
        html! {
            (self.table_of_contents(context))
            @for block in &self.blocks {
                @match block {
                    BlockKind::Intro => (intro(context.deployment)),
                    BlockKind::Endpoints => (endpoints(context.base, context.endpoints, context.webhooks, context.paused, context.authorized)),
                    BlockKind::TriggerForm => @if context.authorized {
                        (trigger_form(context.endpoints, context.form))
                    } @else {
                        (locked(context.deployment))
                    },
                    BlockKind::Activity => @if let Some(deliveries) = context.deliveries {
                        (activity(deliveries, context.endpoints))
                    } @else if !context.authorized && !self.has_form() {
                        (locked(context.deployment))
                    },
                    BlockKind::NextSteps => (next_steps(context.deployment, context.endpoints)),
                    BlockKind::Fixed(markup) => div.text { (PreEscaped(markup)) },
                    BlockKind::Custom(block) => (block.render(context)),
                }
            }
        }
    }
}
