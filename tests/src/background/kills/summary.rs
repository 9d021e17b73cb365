//! How much was proved.

use std::collections::BTreeMap;

use super::evidence::Evidence;

impl Evidence {
    /// How much was proved, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let (attempts, killed) = self.attempt_counts();
        format!(
            "{} deliveries ended, {:?}; {attempts} attempts, {killed} of them were killed; \
             {} processes lost their lease",
            self.sent.len(),
            self.states(),
            self.without_lease.len()
        )
    }

    /// How many deliveries ended in which state.
    #[must_use]
    pub fn states(&self) -> BTreeMap<&'static str, usize> {
        let mut states = BTreeMap::new();
        for kept in &self.kept {
            *states.entry(kept.state).or_default() += 1;
        }
        states
    }

    /// How many attempts there were, and how many of them ended with their process.
    #[must_use]
    pub fn attempt_counts(&self) -> (usize, usize) {
        let attempts = self.attempts().0;
        let killed = attempts.iter().filter(|attempt| attempt.end.is_none()).count();
        (attempts.len(), killed)
    }
}
