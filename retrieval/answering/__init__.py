"""Answer questions over a collection: plan, search, evidence, draft, checked citations."""
