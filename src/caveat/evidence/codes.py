"""Closed lists of outside vocabularies that a provenance statement may use.

Source: Data Provenance Standards 1.0.0 (Data & Trust Alliance), reference lists of its codes; GDPR articles
6(1) and 9(2) for the bases; the Data Use Ontology for health data.
"""

CLASSIFICATION = frozenset({"pi", "pci", "pfi", "pii", "phi", "spi"})

INTENDED_PURPOSE = frozenset(
    {f"non-ai-{use}" for use in ("staging", "production", "quality", "other")}
    | {f"ai-{use}" for use in ("pre-training", "alignment", "evaluation", "synthetic", "other")}
)

PRIVACY_ENHANCING = frozenset(
    {
        "data-anonymization",
        "data-encryption",
        "data-masking",
        "data-minimization",
        "data-redaction",
        "differential-privacy",
        "federated-learning",
        "homomorphic-encryption",
        "k-anonymity",
        "l-diversity",
        "pseudonymization",
        "secure-multi-party-computation",
        "t-closeness",
        "tokenization",
    }
)

_METHODS = {
    "web-scraping-crawling": "textual structured metadata social-media news-articles other",
    "feeds": "rss-source api-source real-time-database-info interval-timed-database-info"
    " file-feed-info other",
    "syndication": "news-feeds financial-feeds social-media product-service-catalog other",
    "data-mining": "association-rule classification clustering regression anomaly-detection sequencing other",
    "machine-generated-mlops": "synthetic generative twin machine-2-machine ai-inferred xr other",
    "sensor-and-iot-output": "environmental motion-location health biometric energy-consumption"
    " industrial-sensor vehicle-transportation security-surveillance agriculture-environment other",
    "social-media": "text-based multimedia reviews-and-ratings updates q-and-a collaborative creative other",
    "user-generated-content": "clickstream social-media behavior ratings-and-reviews multimedia other",
    "primary-user-source": "survey-questionnaire interview event biometric focus-group other",
    "data-augmentation": "na",
    "transfer-learning": "na",
    "simulations": "na",
    "other": "na",
}
GENERATION_METHOD = frozenset(f"{kind}-{use}" for kind, uses in _METHODS.items() for use in uses.split())

BASIS = frozenset({f"6(1)({letter})" for letter in "abcdef"} | {f"9(2)({letter})" for letter in "abcdefghij"})

DATA_USE = frozenset(
    {f"DUO:{number:07d}" for number in (4, 6, 7, 11, 12, 15, 18, 19, 20, 21, 26, 42, 44, 45, 46)}
)
