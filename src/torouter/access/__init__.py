"""Who may: the ordered list of guards. The first refusal wins; a refused request reaches no upstream and is free."""
