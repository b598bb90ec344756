"""Figure 6 of Sander et al. 2024: position weights learned on concentrated phases are smooth."""
