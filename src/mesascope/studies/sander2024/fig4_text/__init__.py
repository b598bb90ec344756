"""Figure 4 of Sander et al. 2024: is text nearer to an autoregressive process than shuffled text?"""
