"""Cost: what the service costs a month, idle and by denials, from one table of prices. Pure.

In: how many denials and data events a month, in how many accounts; prices of one's own, if given.
Out: an `Estimate`, a line for each thing that AWS charges for, with its quantity and price.
"""

from threegrants.cost.month import Estimate, Line, Usage, estimate
from threegrants.cost.prices import PRICES, Price, PriceError, with_prices

__all__ = ["PRICES", "Estimate", "Line", "Price", "PriceError", "Usage", "estimate", "with_prices"]
