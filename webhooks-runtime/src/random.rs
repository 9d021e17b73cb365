//! Random numbers for delays that differ between replicas.

use uuid::Uuid;

/// Returns a random number of at least 0 and less than 1.
pub(crate) fn fraction() -> f64 {
    // The first 32 bits of such an id are random.
    let (bits, ..) = Uuid::new_v4().as_fields();
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_all_over_their_range() {
        let fractions: Vec<_> = (0..1000).map(|_| fraction()).collect();
        assert!(fractions.iter().all(|fraction| (0.0..1.0).contains(fraction)));
        for tenth in 0..10 {
            let is_in = |fraction: &&f64| (**fraction * 10.0) as u32 == tenth;
            assert!(fractions.iter().any(|fraction| is_in(&fraction)), "{tenth}");
        }
    }
}
