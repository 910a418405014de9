"""The sandbox's made-up companies and the simulators behind them."""
