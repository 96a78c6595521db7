"""Few-shot question answering: answers found in a list (`AnswerFinder`) or read out of a context (`SpanReader`)."""
